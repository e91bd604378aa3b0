#include "dispatch/queue.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "dispatch/key_selector.h"

namespace dispatch {

Queue::Queue(QueueId id, const QueueOptions& options, Shared& shared, Turn& turn)
    : shared_(shared), head_(state_, shared.memory), sweep_(state_) {
  state_.id = id;
  record(turn.step, state_, DefineQueue{id, options});
}

Queue::Queue(QueueState state, Shared& shared, Time now, Time look_at)
    : shared_(shared), state_(std::move(state)), head_(state_, shared.memory), sweep_(state_) {
  for (const auto& [id, group] : state_.groups) {
    groups_.try_emplace(id, state_, id, shared_, *this).first->second.begin_idle(now);
    last_group_ = std::max(last_group_, id);
  }
  durable(state_.next);
  if (state_.kept() > 0) set_alarm(look_at);
}

void Queue::update(const QueueOptions& options, Turn& turn) {
  const QueueOptions old = state_.options;
  record(turn.step, state_, DefineQueue{state_.id, options});
  for (auto& [id, group] : groups_) group.options_changed(turn);
  if (old.retention != options.retention || over_limits()) look_at_oldest(turn);
  settled(turn);
}

// --- Messages ---

void Queue::append(const MessageRef& message, Turn& turn) {
  const Entry entry = make_entry(state_, state_.next, message);
  Offset older;
  if (state_.options.last_value) {
    const auto known = state_.latest.find(entry.key);
    if (known != state_.latest.end() && state_.keeps(known->second.offset))
      older = known->second.offset;
  }
  if (state_.kept() == 0) oldest_hint_ = message->stored_at;
  record(turn.step, state_, Append{state_.id, entry.offset, message, entry.key, entry.bytes});
  if (older) head_.ended(older, older);
  for (auto& [id, group] : groups_) {
    if (older) group.superseded(older, entry.key);
    group.appended(entry);
  }
  if (const auto retention = options().retention; retention > Duration(0))
    set_alarm(message->stored_at + retention);
  if (const auto expires_at = message->expires_at()) set_alarm(*expires_at);
  if (options().overflow != Overflow::drop_oldest) return;
  head_.appended(entry);
  if (over_limits()) look_at_oldest(turn);
}

void Queue::hand_out(Turn& turn) {
  for (auto& [id, group] : groups_) group.hand_out(turn);
}

void Queue::end_for_all(Offset first, Offset last, End end, std::uint64_t bytes, Turn& turn) {
  for (auto& [id, group] : groups_) group.ended(first, last);
  record(turn.step, state_, Settle{state_.id, GroupId{}, first, last, end, bytes});
  head_.ended(first, last);
  settled(turn);
}

void Queue::settled(Turn& turn) {
  if (awaited_) turn.roomier.push_back(state_.id);
}

// What one group holds is purged for the others.
void Queue::purge(Turn& turn) {
  std::map<Offset, std::uint32_t> held;
  for (const auto& [id, group] : groups_) held.merge(group.held());
  std::uint64_t held_bytes = 0;
  for (const auto& [offset, bytes] : held) {
    held_bytes += bytes;
    for (auto& [id, group] : groups_)
      if (!group.holds(offset) && !group.state().settled.contains(offset))
        group.withdraw(offset, End::purged, bytes, turn);
  }
  std::uint64_t bytes = state_.kept_bytes - std::min(state_.kept_bytes, held_bytes);
  held.emplace(state_.next, 0);
  Offset from = state_.gone.next_missing(Offset{1});
  for (const auto& [offset, size] : held) {
    if (from < offset)
      end_for_all(from, Offset{offset.value - 1}, End::purged, std::exchange(bytes, 0), turn);
    from = state_.gone.next_missing(next(offset));
  }
  hand_out(turn);
}

bool Queue::remove(Offset offset, std::uint64_t bytes, End end, Turn& turn) {
  if (in_flight(offset)) return false;
  end_for_all(offset, offset, end, bytes, turn);
  return true;
}

bool Queue::in_flight(Offset offset) const {
  return std::ranges::any_of(groups_, [&](const auto& g) { return g.second.holds(offset); });
}

void Queue::durable(Offset end) {
  durable_end_ = std::max(durable_end_, end);
  for (auto& [id, group] : groups_) group.durable(end);
}

void Queue::loaded(const Load& load, std::vector<StoredMessage> messages, Turn& turn) {
  switch (load.reader) {
    case Reader::group:
      if (const auto group = groups_.find(load.group); group != groups_.end())
        group->second.loaded(load, std::move(messages), turn);
      return;
    case Reader::head:
      if (!head_.loaded(load, messages)) return;
      if (messages.empty())  // the journal gives at least one message if it has any
        for (Offset lost = state_.gone.next_missing(load.from); lost < load.end;
             lost = state_.gone.next_missing(lost))
          end_for_all(lost, lost, End::lost, 0, turn);
      look_at_oldest(turn);
      return;
    case Reader::sweep:
      for (const auto& found : sweep_.loaded(load, messages))
        end_for_all(found.first, found.last, found.end, found.bytes, turn);
      sweep_.go_on(turn.step);
      return;
    case Reader::redrive:
      return;
  }
}

// --- Groups ---

Group* Queue::find_group(std::string_view name) {
  for (auto& [id, group] : groups_)
    if (group.name() == name) return &group;
  return nullptr;
}

Result<Group*> Queue::add_group(const std::string& name, Offset start, Turn& turn) {
  if (groups_.size() >= kMaxGroups)
    return Error{ErrorKind::full, "queue '" + options().name + "' has " +
                                      std::to_string(kMaxGroups) +
                                      " groups already: delete one first"};
  last_group_ = GroupId{last_group_.value + 1};
  record(turn.step, state_, DefineGroup{state_.id, last_group_, name, start});
  Group& group =
      groups_.try_emplace(last_group_, state_, last_group_, shared_, *this).first->second;
  group.durable(durable_end_);
  group.begin_idle(turn.now);
  if (start > Offset{1}) sweep_.start(turn.step);
  return &group;
}

void Queue::delete_group(GroupId id, Turn& turn) {
  groups_.erase(id);
  record(turn.step, state_, DeleteGroup{state_.id, id});
  sweep_.start(turn.step);
  settled(turn);
}

// --- Time ---

void Queue::tick(GroupId alarm, Turn& turn) {
  if (!alarm) {
    alarm_.reset();
    look_at_oldest(turn);
    return;
  }
  const auto group = groups_.find(alarm);
  if (group == groups_.end()) return;
  group->second.tick(turn);
  if (group->second.is_idle(turn.now)) delete_group(alarm, turn);
}

// --- Looking ---

bool Queue::has_newer_value(const Message& message, Offset offset) const {
  if (!options().last_value) return false;
  const auto latest = state_.latest.find(key_of(message, options().key));
  return latest != state_.latest.end() && latest->second.offset > offset;
}

std::vector<Consumer*> Queue::consumers() const {
  std::vector<Consumer*> all;
  for (const auto& [id, group] : groups_)
    all.insert(all.end(), group.consumers().begin(), group.consumers().end());
  return all;
}

GroupStats Queue::stats(const Group& group) const {
  GroupStats stats;
  stats.name = group.name();
  stats.ready = group.ready();
  stats.in_flight = group.in_flight();
  stats.delayed = group.delayed();
  stats.consumers = group.consumers().size();
  stats.redelivered_total = group.redelivered_total();
  stats.next = std::min(group.state().settled.watermark(), state_.next);
  stats.ended = group.state().ended;
  return stats;
}

QueueStats Queue::stats(Time now) const {
  QueueStats stats;
  stats.options = state_.options;
  stats.stored_total = state_.next.value - 1;
  stats.kept = state_.kept();
  stats.bytes = state_.kept_bytes;
  stats.ended = state_.ended;
  stats.refused_total = refused_total_;
  for (const auto& [id, group] : groups_) {
    stats.groups.push_back(this->stats(group));
    const GroupStats& of_group = stats.groups.back();
    for (std::size_t end = 0; end < kEnds; ++end) stats.ended[end] += of_group.ended[end];
    stats.consumers += of_group.consumers;
    stats.redelivered_total += of_group.redelivered_total;
    stats.ready_bytes_loaded += group.ready_bytes_loaded();
  }
  // Of group default; of the first one if there is no such group; while there is none, all that is
  // kept is ready.
  const auto main = std::ranges::find(stats.groups, kDefaultGroup, &GroupStats::name);
  const GroupStats* shown = main != stats.groups.end() ? &*main
                            : stats.groups.empty()     ? nullptr
                                                       : &stats.groups.front();
  stats.ready = shown == nullptr ? stats.kept : shown->ready;
  stats.in_flight = shown == nullptr ? 0 : shown->in_flight;
  stats.delayed = shown == nullptr ? 0 : shown->delayed;
  if (const auto oldest = oldest_stored_at(); oldest && *oldest < now)
    stats.oldest_age_ms = static_cast<std::uint64_t>((now - *oldest).count());
  return stats;
}

}  // namespace dispatch
