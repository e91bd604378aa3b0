#include "dispatch/queue.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "dispatch/key_selector.h"

namespace dispatch {

Queue::Queue(QueueId id, const QueueOptions& options, Shared& shared, Turn& turn)
    : shared_(shared) {
  state_.id = id;
  record(turn.step, state_, DefineQueue{id, options});
  define_default_group(turn);
}

Queue::Queue(QueueState state, Shared& shared, Turn& turn)
    : shared_(shared), state_(std::move(state)) {
  if (state_.groups.empty()) define_default_group(turn);
  if (state_.options.last_value) settle_old_values(turn);
  for (const auto& [id, group] : state_.groups) groups_.try_emplace(id, state_, id, shared_);
  durable(state_.next);
  hand_out(turn);
}

void Queue::define_default_group(Turn& turn) {
  record(turn.step, state_, DefineGroup{state_.id, kDefaultGroup, "default", Offset{1}});
  groups_.try_emplace(kDefaultGroup, state_, kDefaultGroup, shared_);
}

// A value that was in flight when a newer one came was left unsettled; nobody holds it now.
void Queue::settle_old_values(Turn& turn) {
  std::vector<Offset> live;
  for (const auto& [key, offset] : state_.latest) live.push_back(offset);
  live.push_back(state_.next);
  std::ranges::sort(live);
  for (const auto& [id, group] : state_.groups) {
    Offset from = group.settled.watermark();
    for (const Offset latest : live) {
      for (from = group.settled.next_missing(from); from < latest;
           from = group.settled.next_missing(from))
        record(turn.step, state_, Settle{state_.id, id, from, from, End::superseded});
      from = std::max(from, next(latest));
    }
  }
}

void Queue::update(const QueueOptions& options, Turn& turn) {
  record(turn.step, state_, DefineQueue{state_.id, options});
  for (auto& [id, group] : groups_) group.options_changed(turn);
}

void Queue::append(const MessageRef& message, Turn& turn) {
  Entry entry = make_entry(state_, state_.next, message);
  const auto known = state_.latest.find(entry.key);
  const Offset older = known == state_.latest.end() ? Offset{} : known->second;
  record(turn.step, state_, Append{state_.id, entry.offset, message, entry.key});
  for (auto& [id, group] : groups_) {
    if (older) group.supersede(older, entry.key, turn);
    group.appended(entry);
  }
}

void Queue::hand_out(Turn& turn) {
  for (auto& [id, group] : groups_) group.hand_out(turn);
}

void Queue::purge(Turn& turn) {
  if (state_.next == Offset{1}) return;
  const Offset last{state_.next.value - 1};
  for (auto& [id, group] : groups_) {
    group.withdraw(Offset{1}, last, End::purged, turn);
    group.hand_out(turn);
  }
}

bool Queue::has_newer_value(const Message& message, Offset offset) const {
  if (!options().last_value) return false;
  const auto latest = state_.latest.find(key_of(message, options().key));
  return latest != state_.latest.end() && latest->second > offset;
}

bool Queue::keeps(Offset offset) const {
  return offset && offset < state_.next &&
         !state_.groups.at(kDefaultGroup).settled.contains(offset);
}

std::uint64_t Queue::unsettled() const {
  return state_.groups.at(kDefaultGroup).settled.missing_below(state_.next);
}

void Queue::durable(Offset end) {
  for (auto& [id, group] : groups_) group.durable(end);
}

Group* Queue::find_group(GroupId id) {
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : &found->second;
}

Group* Queue::find_group(std::string_view name) {
  for (const auto& [id, group] : state_.groups)
    if (group.name == name) return find_group(id);
  return nullptr;
}

std::vector<Consumer*> Queue::consumers() const {
  std::vector<Consumer*> all;
  for (const auto& [id, group] : groups_)
    all.insert(all.end(), group.consumers().begin(), group.consumers().end());
  return all;
}

QueueStats Queue::stats(Time now) const {
  QueueStats stats;
  stats.options = state_.options;
  stats.stored_total = state_.next.value - 1;
  for (const auto& [id, group] : state_.groups) {
    stats.acked_total += group.ended[static_cast<std::size_t>(End::acked)];
    stats.superseded_total += group.ended[static_cast<std::size_t>(End::superseded)];
    stats.lost_total += group.ended[static_cast<std::size_t>(End::lost)];
    stats.dead_total += group.ended[static_cast<std::size_t>(End::dead)];
    stats.purged_total += group.ended[static_cast<std::size_t>(End::purged)];
  }
  for (const auto& [id, group] : groups_) {
    stats.consumers += group.consumers().size();
    stats.redelivered_total += group.redelivered_total();
    stats.ready_bytes_loaded += group.ready_bytes_loaded();
  }
  const Group& group = groups_.at(kDefaultGroup);
  stats.ready = group.ready();
  stats.in_flight = group.in_flight();
  stats.delayed = group.delayed();
  if (const auto oldest = group.oldest_stored_at(); oldest && *oldest < now)
    stats.oldest_age_ms = static_cast<std::uint64_t>((now - *oldest).count());
  return stats;
}

}  // namespace dispatch
