#include "dispatch/look.h"

#include <algorithm>
#include <utility>

#include "dispatch/queue_set_impl.h"

// Looking at single messages and at consumers. Nothing here changes anything.

namespace dispatch {

std::vector<MessageView> Group::look_at(std::span<const Offset> offsets) const {
  const auto flying = held();
  std::vector<MessageView> views;
  views.reserve(offsets.size());
  for (const Offset offset : offsets) {
    MessageView view;
    view.failed = failures_of(offset);
    if (state_.settled.contains(offset))
      view.place = Place::settled;
    else if (flying.contains(offset))
      view.place = Place::in_flight;
    else if (delayed_.contains(offset))
      view.place = Place::delayed;
    views.push_back(view);
  }
  return views;
}

ConsumerView Group::look_at(const Consumer& consumer, Time now) const {
  ConsumerView view;
  view.consumer = consumer.id;
  view.session = consumer.session->id;
  view.queue = queue_.name();
  view.dead = holds_dead_letters(queue_.options());
  view.group = state_.name;
  view.in_flight = consumer.held.size();
  if (consumer.standing == Standing::paused && consumer.paused_until > now)
    view.paused_ms = static_cast<std::uint64_t>((consumer.paused_until - now).count());
  const Session& session = *consumer.session;
  const std::uint64_t used = session.slots_used + session.plain_in_flight;
  const std::uint64_t most = queue_.options().max_inflight;
  const std::uint64_t slots =
      session.writable ? session.limits.receive_maximum -
                             std::min<std::uint64_t>(used, session.limits.receive_maximum)
                       : 0;
  view.credit = std::min(slots, most - std::min<std::uint64_t>(consumer.load(), most));
  return view;
}

Queue* QueueSet::Impl::find_named(std::string_view name) const {
  const auto parts = split_queue_name(name);
  Queue* queue = find_in(by_name, parts.name);
  return queue != nullptr && parts.topic ? find_mailbox(*queue, *parts.topic) : queue;
}

Queue* QueueSet::Impl::find_part(std::string_view name, bool dead) const {
  Queue* queue = find_named(name);
  if (queue != nullptr && dead && queue->state().is_mailbox()) return nullptr;
  return queue != nullptr && dead ? dead_letters_of(*queue) : queue;
}

std::optional<Stretch> QueueSet::unsettled_from(std::string_view name, bool dead,
                                                Offset from) const {
  const Queue* queue = impl_->find_part(name, dead);
  if (queue == nullptr) return std::nullopt;
  const QueueState& state = queue->state();
  const auto main = std::ranges::find_if(
      state.groups, [](const auto& group) { return group.second.name == kDefaultGroup; });
  const OffsetSet& settled = main == state.groups.end() ? state.gone : main->second.settled;
  const Offset first = settled.next_missing(from);
  if (first >= state.next) return std::nullopt;
  const auto after = settled.intervals().upper_bound(first);
  return Stretch{state.id, first, after == settled.intervals().end() ? state.next : after->first};
}

std::optional<Stretch> QueueSet::kept_in(std::string_view name) const {
  const Queue* queue = impl_->find_named(name);
  if (queue == nullptr) return std::nullopt;
  const QueueState& state = queue->state();
  const Offset first = state.gone.next_missing(Offset{1});
  return Stretch{state.id, std::min(first, state.next), state.next};
}

std::vector<MessageView> QueueSet::look_at(QueueId id, std::span<const Offset> offsets) const {
  Queue* queue = find_in(impl_->queues, id);
  if (queue == nullptr) return std::vector<MessageView>(offsets.size(), {Place::settled, 0});
  if (const Group* group = queue->find_group(kDefaultGroup)) return group->look_at(offsets);
  std::vector<MessageView> views(offsets.size());  // nobody has begun to consume
  for (std::size_t i = 0; i < offsets.size(); ++i)
    if (!queue->state().keeps(offsets[i])) views[i].place = Place::settled;
  return views;
}

std::vector<const QueueOptions*> QueueSet::queues_of_topic(std::string_view topic) const {
  const auto& queues = impl_->matches(topic);
  std::vector<const QueueOptions*> found;
  found.reserve(queues.size());
  for (const Queue* queue : queues) found.push_back(&queue->options());
  return found;
}

const QueueOptions* QueueSet::options_of(std::string_view name) const {
  const Queue* queue = find_in(impl_->by_name, name);
  return queue == nullptr ? nullptr : &queue->options();
}

std::vector<ConsumerView> QueueSet::consumer_views(std::string_view name, Time now) const {
  std::vector<ConsumerView> views;
  for (const auto& [id, consumer] : impl_->consumers) {
    if (consumer->group == nullptr) continue;  // it waits for a queue
    ConsumerView view = consumer->group->look_at(*consumer, now);
    const bool in_mailbox =
        view.queue.starts_with(name) && view.queue.substr(name.size()).starts_with('/');
    if (name.empty() || view.queue == name || in_mailbox) views.push_back(std::move(view));
  }
  std::ranges::sort(views, {}, &ConsumerView::consumer);
  return views;
}

std::vector<QueueStats> QueueSet::stats_after(std::string_view name, std::size_t limit,
                                              Time now) const {
  std::vector<QueueStats> some;
  for (auto it = impl_->by_name.upper_bound(name);
       it != impl_->by_name.end() && some.size() < limit; ++it)
    some.push_back(impl_->stats(*it->second, now));
  return some;
}

}  // namespace dispatch
