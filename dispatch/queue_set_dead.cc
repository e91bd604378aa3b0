#include "dispatch/queue_set_impl.h"

// Commands that end many messages at once, or bring them back.

namespace dispatch {

namespace {

constexpr std::string_view kWhereDead = "its dead letters are those of";

}  // namespace

Result<Step> QueueSet::purge(RequestId request, std::string_view name, Time now) {
  Queue* queue = impl_->find_named(name);
  if (queue == nullptr) return no_queue(name);
  Turn turn{now};
  for (Queue* part : impl_->parts_of(*queue)) part->purge(turn);
  if (request) turn.step.actions.push_back(Accept{request});
  return impl_->finish(turn);
}

// --- Dead letters ---

Result<Step> QueueSet::purge_dead(RequestId request, std::string_view name, Time now) {
  Queue* queue = impl_->find_named(name);
  if (queue == nullptr) return no_queue(name);
  if (queue->state().is_mailbox()) return with_template(*queue, kWhereDead);
  Turn turn{now};
  if (Queue* dead = impl_->dead_letters_of(*queue)) dead->purge(turn);
  if (request) turn.step.actions.push_back(Accept{request});
  return impl_->finish(turn);
}

Result<Step> QueueSet::redrive(RequestId request, std::string_view name,
                               std::optional<Offset> offset, Time now) {
  const Queue* queue = impl_->find_named(name);
  if (queue == nullptr) return no_queue(name);
  if (queue->state().is_mailbox()) return with_template(*queue, kWhereDead);
  const Queue* dead = impl_->dead_letters_of(*queue);
  if (offset && (dead == nullptr || !dead->state().keeps(*offset)))
    return not_found("queue '" + std::string(name) + "' has no dead letter with offset " +
                     std::to_string(offset->value));
  Turn turn{now};
  if (dead == nullptr) {
    if (request) turn.step.actions.push_back(Accept{request});
    return impl_->finish(turn);
  }
  const Offset last{dead->state().next.value - 1};
  Redrive redrive(request, offset.value_or(Offset{1}), offset.value_or(last));
  redrive.go_on(*dead, impl_->shared.limits, turn);
  if (!redrive.done()) impl_->redrives[dead->state().id].push_back(redrive);
  return impl_->finish(turn);
}

}  // namespace dispatch
