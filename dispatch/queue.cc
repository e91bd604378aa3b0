#include "dispatch/queue.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "dispatch/key_selector.h"

namespace dispatch {

namespace {

GroupStats stats(const Group& group, const QueueState& queue) {
  GroupStats stats;
  stats.name = group.name();
  stats.ready = group.ready();
  stats.in_flight = group.in_flight();
  stats.delayed = group.delayed();
  stats.consumers = group.consumers().size();
  stats.redelivered_total = group.redelivered_total();
  stats.next = std::min(group.state().settled.watermark(), queue.next);
  stats.ended = group.state().ended;
  return stats;
}

}  // namespace

Queue::Queue(QueueId id, const QueueOptions& options, Shared& shared, Turn& turn)
    : shared_(shared), head_(state_, shared.memory), sweep_(state_) {
  state_.id = id;
  record(turn.step, state_, DefineQueue{id, options});
}

Queue::Queue(QueueId id, const Queue& origin, std::string_view topic, Shared& shared, Turn& turn)
    : shared_(shared), head_(state_, shared.memory), sweep_(state_), quiet_since_(turn.now) {
  state_.id = id;
  state_.shared_options = origin.state_.shared_options;
  record(turn.step, state_, DefineMailbox{id, origin.id(), std::string(topic)});
  set_alarm(turn.now + options().mailbox_idle);
}

Queue::Queue(QueueState state, Shared& shared, Time now, Time look_at)
    : shared_(shared),
      state_(std::move(state)),
      head_(state_, shared.memory),
      sweep_(state_),
      quiet_since_(now) {
  for (const auto& [id, group] : state_.groups) {
    groups_.try_emplace(id, state_, id, shared_, *this).first->second.begin_idle(now);
    last_group_ = std::max(last_group_, id);
  }
  durable(state_.next);
  if (state_.kept() > 0) look_later(look_at);
  if (is_quiet()) set_alarm(now + options().mailbox_idle);
}

void Queue::update(const QueueOptions& options, Turn& turn) {
  const SharedOptions old = state_.shared_options;
  record(turn.step, state_, DefineQueue{state_.id, options});
  options_changed(*old, turn);
}

void Queue::follow(const Queue& origin, Turn& turn) {
  const SharedOptions old = state_.shared_options;
  state_.shared_options = origin.state_.shared_options;
  options_changed(*old, turn);
}

void Queue::options_changed(const QueueOptions& old, Turn& turn) {
  for (auto& [id, group] : groups_) group.options_changed(turn);
  if (old.retention != options().retention || over_limits()) look_at_oldest(turn);
  calmer(turn);
}

// --- Messages ---

void Queue::append(const MessageRef& message, Turn& turn) {
  const Entry entry = make_entry(state_, state_.next, message);
  Offset older;
  if (state_.options().last_value) {
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
    look_later(message->stored_at + retention);
  if (const auto expires_at = message->expires_at()) look_later(*expires_at);
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
  calmer(turn);
}

void Queue::calmer(Turn& turn) {
  if (awaited_) turn.roomier.push_back(state_.id);
  if (!is_quiet()) return;
  quiet_since_ = turn.now;
  set_alarm(turn.now + options().mailbox_idle);
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
  calmer(turn);
}

// --- Time ---

void Queue::tick(GroupId alarm, Turn& turn) {
  if (!alarm) {
    alarm_.reset();
    if (look_at_ && *look_at_ <= turn.now) {
      look_at_.reset();
      look_at_oldest(turn);
    } else if (look_at_) {
      set_alarm(*look_at_);
    }
    see_if_quiet(turn);
    return;
  }
  const auto group = groups_.find(alarm);
  if (group == groups_.end()) return;
  group->second.tick(turn);
  if (group->second.is_idle(turn.now)) delete_group(alarm, turn);
}

// --- Mailboxes ---

// With any group but `default` it stays: a group that comes again begins at the oldest message, and
// would miss what other groups settle before it does.
bool Queue::is_quiet() const {
  if (!state_.is_mailbox() || awaited_) return false;
  for (const auto& [id, group] : groups_)
    if (!group.consumers().empty() || group.name() != kDefaultGroup) return false;
  if (state_.kept() == 0) return true;
  // The newest values stay for groups to come.
  return options().last_value && !groups_.empty() && state_.next_needed(Offset{1}) >= state_.next;
}

bool Queue::is_over(Time now) const {
  return is_quiet() && quiet_since_ + options().mailbox_idle <= now;
}

void Queue::see_if_quiet(Turn& turn) {
  if (is_over(turn.now))
    turn.idle.push_back(state_.id);
  else if (is_quiet())
    set_alarm(quiet_since_ + options().mailbox_idle);
}

void Queue::take_totals_of(const Queue& mailbox, Turn& turn) {
  record(turn.step, state_,
         AddTotals{state_.id, mailbox.state_.next.value - 1, mailbox.all_ends()});
  for (const auto& [id, group] : mailbox.groups_) redelivered_before_ += group.redelivered_total();
}

// --- Looking ---

bool Queue::has_newer_value(const Message& message, Offset offset) const {
  if (!options().last_value) return false;
  const auto latest = state_.latest.find(key_of(message, options().key));
  // An older one can't be there, unless this is a mailbox that was gone for a while: then its
  // offsets began anew, and whatever it has is newer.
  return latest != state_.latest.end() && latest->second.offset != offset;
}

std::vector<Consumer*> Queue::consumers() const {
  std::vector<Consumer*> all;
  for (const auto& [id, group] : groups_)
    all.insert(all.end(), group.consumers().begin(), group.consumers().end());
  return all;
}

Ends Queue::all_ends() const {
  Ends all = state_.ended;
  for (const auto& [id, group] : groups_)
    for (std::size_t end = 0; end < kEnds; ++end) all[end] += group.state().ended[end];
  return all;
}

// Group default; the first one if there is no such group; nullptr if there is none at all.
const Group* Queue::shown_group() const {
  const auto main = std::ranges::find_if(
      groups_, [](const auto& entry) { return entry.second.name() == kDefaultGroup; });
  if (main != groups_.end()) return &main->second;
  return groups_.empty() ? nullptr : &groups_.begin()->second;
}

void Queue::add_counts(QueueStats& sum, Time now) const {
  sum.stored_total += state_.next.value - 1 + state_.stored_before;
  sum.kept += state_.kept();
  sum.bytes += state_.kept_bytes;
  sum.refused_total += refused_total_;
  sum.redelivered_total += redelivered_before_;
  const Ends ends = all_ends();
  for (std::size_t end = 0; end < kEnds; ++end) sum.ended[end] += ends[end];
  for (const auto& [id, group] : groups_) {
    sum.consumers += group.consumers().size();
    sum.redelivered_total += group.redelivered_total();
    sum.ready_bytes_loaded += group.ready_bytes_loaded();
  }
  const Group* shown = shown_group();
  sum.ready += shown == nullptr ? state_.kept() : shown->ready();
  sum.in_flight += shown == nullptr ? 0 : shown->in_flight();
  sum.delayed += shown == nullptr ? 0 : shown->delayed();
  if (const auto oldest = oldest_stored_at(); oldest && *oldest < now)
    sum.oldest_age_ms =
        std::max(sum.oldest_age_ms, static_cast<std::uint64_t>((now - *oldest).count()));
}

QueueStats Queue::stats(Time now) const {
  QueueStats stats;
  stats.options = options();
  stats.options.name = state_.name();
  stats.topic = state_.topic;
  add_counts(stats, now);
  for (const auto& [id, group] : groups_) stats.groups.push_back(dispatch::stats(group, state_));
  return stats;
}

}  // namespace dispatch
