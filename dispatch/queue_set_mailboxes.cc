#include <utility>

#include "dispatch/invariant.h"
#include "dispatch/queue_set_impl.h"
#include "dispatch/topic.h"

// Templates and their mailboxes: a queue for each topic, which comes with the first publish or
// subscription and goes when it has been quiet for a while.

namespace dispatch {

const QueueSet::Impl::Mailboxes& QueueSet::Impl::mailboxes_of(const Queue& origin) const {
  static const Mailboxes kNone;
  const auto found = mailboxes.find(origin.id());
  return found == mailboxes.end() ? kNone : found->second;
}

Queue* QueueSet::Impl::find_mailbox(const Queue& origin, std::string_view topic) const {
  return find_in(mailboxes_of(origin), topic);
}

Queue& QueueSet::Impl::make_mailbox(const Queue& origin, std::string_view topic, Turn& turn) {
  const QueueId id = std::exchange(next_queue, next(next_queue));
  add(std::make_unique<Queue>(id, origin, topic, shared, turn));
  return *queues.at(id);
}

// Templates don't overlap.
Queue* QueueSet::Impl::template_of(std::string_view topic) const {
  if (has_wildcard(topic)) return nullptr;
  for (Queue* queue : matches(topic))
    if (queue->options().per_topic) return queue;
  return nullptr;
}

// A template without that mailbox stands for it: it is empty as well, and has the same options.
Queue* QueueSet::Impl::find_home(Queue& match, std::string_view topic) const {
  Queue* mailbox = match.is_template() ? find_mailbox(match, topic) : nullptr;
  return mailbox == nullptr ? &match : mailbox;
}

Queue& QueueSet::Impl::home_of(Queue& match, std::string_view topic, Turn& turn) {
  Queue* home = find_home(match, topic);
  return home->is_template() ? make_mailbox(match, topic, turn) : *home;
}

void QueueSet::Impl::remove_idle(QueueId id, Turn& turn) {
  Queue* mailbox = find_in(queues, id);
  if (mailbox == nullptr || !mailbox->is_over(turn.now)) return;
  turn.step.writes.push_back(DeleteQueue{id});
  queues.at(mailbox->state().template_queue)->take_totals_of(*mailbox, turn);
  erase(*mailbox, turn);
}

std::vector<Queue*> QueueSet::Impl::parts_of(Queue& queue) const {
  if (!queue.is_template()) return {&queue};
  std::vector<Queue*> parts;
  for (const auto& [topic, mailbox] : mailboxes_of(queue)) parts.push_back(mailbox);
  return parts;
}

std::vector<QueueStats> QueueSet::mailbox_stats_after(std::string_view name, std::string_view topic,
                                                      std::size_t limit, Time now) const {
  std::vector<QueueStats> some;
  const Queue* origin = find_in(impl_->by_name, name);
  if (origin == nullptr) return some;
  const auto& all = impl_->mailboxes_of(*origin);
  for (auto it = all.upper_bound(topic); it != all.end() && some.size() < limit; ++it)
    some.push_back(it->second->stats(now));
  return some;
}

}  // namespace dispatch
