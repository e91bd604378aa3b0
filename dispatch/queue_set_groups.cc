#include "dispatch/queue_set_impl.h"

// Groups by command. Most come into being with their first consumer.

namespace dispatch {

namespace {

Error no_group(const Queue& queue, std::string_view group) {
  return not_found("queue '" + queue.options().name + "' has no group '" + std::string(group) +
                   "'");
}

}  // namespace

Result<Queue*> QueueSet::Impl::with_groups(std::string_view name) const {
  Queue* queue = find_named(name);
  if (queue == nullptr) return no_queue(name);
  if (queue->is_template())
    return invalid("queue '" + std::string(name) + "' has groups for each mailbox: name one, '" +
                   std::string(name) + "/<topic>'");
  return queue;
}

Result<Step> QueueSet::add_group(RequestId request, std::string_view name, const std::string& group,
                                 Offset start, Time now) {
  const auto found = impl_->with_groups(name);
  if (!found) return found.error();
  Queue* queue = *found;
  if (auto checked = check_name("group", group); !checked) return checked.error();
  if (queue->find_group(group) != nullptr)
    return Error{ErrorKind::exists,
                 "queue '" + std::string(name) + "' has a group '" + group + "' already"};
  Turn turn{now};
  const auto added = queue->add_group(group, std::min(start, queue->state().next), turn);
  if (!added) return added.error();
  if (request) turn.step.actions.push_back(Accept{request});
  return impl_->finish(turn);
}

Result<Step> QueueSet::delete_group(RequestId request, std::string_view name,
                                    std::string_view group_name, Time now) {
  const auto found = impl_->with_groups(name);
  if (!found) return found.error();
  Queue* queue = *found;
  Group* group = queue->find_group(group_name);
  if (group == nullptr) return no_group(*queue, group_name);
  if (!group->consumers().empty())
    return Error{ErrorKind::exists, "group '" + std::string(group_name) +
                                        "' has consumers: let them unsubscribe first"};
  Turn turn{now};
  queue->delete_group(group->id(), turn);
  if (request) turn.step.actions.push_back(Accept{request});
  return impl_->finish(turn);
}

// A new group of the same name takes the place of the old one, and its consumers move over.
Result<Step> QueueSet::seek(RequestId request, std::string_view name, std::string_view group_name,
                            Offset start, Time now) {
  const auto found = impl_->with_groups(name);
  if (!found) return found.error();
  Queue* queue = *found;
  Group* group = queue->find_group(group_name);
  if (group == nullptr) return no_group(*queue, group_name);
  Turn turn{now};
  const auto movers = group->consumers();
  for (Consumer* consumer : movers) {
    std::erase(consumer->session->waiting, consumer);
    group->leave(*consumer, Leave::orderly, turn);
    consumer->overdue.clear();
  }
  queue->delete_group(group->id(), turn);
  const auto moved =
      queue->add_group(std::string(group_name), std::min(start, queue->state().next), turn);
  if (!moved) return moved.error();
  for (Consumer* consumer : movers) (*moved)->join(*consumer, turn);
  if (request) turn.step.actions.push_back(Accept{request});
  return impl_->finish(turn);
}

}  // namespace dispatch
