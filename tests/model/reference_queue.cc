#include "tests/model/reference_queue.h"

#include <algorithm>

#include "dispatch/key_selector.h"

namespace model {

using dispatch::Leave;
using dispatch::Outcome;

namespace {

const dispatch::GroupState* group_of(const dispatch::QueueState& state) {
  return state.groups.empty() ? nullptr : &state.groups.begin()->second;
}

bool is_settled(const dispatch::QueueState& state, Offset offset) {
  const auto* group = group_of(state);
  return (group == nullptr ? state.gone : group->settled).contains(offset);
}

std::uint32_t attempts_on(const dispatch::QueueState& state, Offset offset) {
  const auto* group = group_of(state);
  if (group == nullptr) return 0;
  const auto attempts = group->attempts.find(offset);
  return attempts == group->attempts.end() ? 0 : attempts->second;
}

}  // namespace

void ReferenceQueue::append(const dispatch::Append& write) {
  must(write.offset == next, "offsets are dense");
  next = dispatch::next(next);
  Item& item = items[write.offset];
  item.message = write.message;
  ready_.insert(write.offset);
  if (!options.last_value) return;
  item.key = dispatch::key_of(*write.message, options.key);
  must(item.key == write.key, "a message is stored with its key");
  const auto older = latest_.find(item.key);
  if (older != latest_.end()) supersede(older->second, items[older->second]);
  latest_[item.key] = write.offset;
}

const ReferenceQueue::Item* ReferenceQueue::first_eligible(bool narrow) const {
  for (const Offset offset : ready_) {
    const Item& item = items.at(offset);
    if (!key_in_flight(item) && !(narrow && is_large(*item.message))) return &item;
  }
  return nullptr;
}

std::uint64_t ReferenceQueue::large_ready_count() const {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      ready_, [&](Offset offset) { return is_large(*items.at(offset).message); }));
}

void ReferenceQueue::deliver(const dispatch::Deliver& action, bool narrow) {
  const auto found = items.find(action.offset);
  must(found != items.end(), "only stored messages are delivered");
  Item& item = found->second;
  must(item.where == Where::ready, "none in flight twice, none after it was done");
  must(item.message->payload == action.message->payload, "a message is what was published");
  must(item.key.empty() || !key_in_flight(item), "serial per key");
  must(is_latest(action.offset), "latest value wins");
  must(action.attempt == item.failed + 1, "attempts are counted");
  if (options.dispatch == dispatch::Strategy::key_affinity)
    check_lane(action);
  else
    must(first_eligible(narrow) == &item, "order by offset among ready");
  ready_.erase(action.offset);
  item.where = Where::in_flight;
  item.holder = action.consumer;
  in_flight_.insert(action.offset);
  if (!item.key.empty()) keys_in_flight_.insert(item.key);
}

std::string ReferenceQueue::lane_of(Offset offset) const {
  return dispatch::key_of(*items.at(offset).message, options.key);
}

void ReferenceQueue::check_lane(const dispatch::Deliver& action) const {
  const std::string lane = lane_of(action.offset);
  for (const Offset offset : ready_)
    must(offset >= action.offset || lane_of(offset) != lane, "order per key");
  for (const auto& [until, offset] : delayed_)
    must(offset > action.offset || lane_of(offset) != lane, "order per key");
  for (const Offset offset : in_flight_)
    must(items.at(offset).holder == action.consumer || lane_of(offset) != lane,
         "a key is with one consumer");
}

const ReferenceQueue::Item* ReferenceQueue::first_free_lane() const {
  std::set<std::string> taken;
  for (const auto& [until, offset] : delayed_) taken.insert(lane_of(offset));
  for (const Offset offset : in_flight_) taken.insert(lane_of(offset));
  for (const Offset offset : ready_)
    if (!taken.contains(lane_of(offset))) return &items.at(offset);
  return nullptr;
}

ReferenceQueue::Item& ReferenceQueue::take_back(Offset offset) {
  Item& item = items.at(offset);
  must(item.where == Where::in_flight, "one state each");
  keys_in_flight_.erase(item.key);
  in_flight_.erase(offset);
  if (item.superseded)
    make_done(offset, item);
  else
    make_ready(offset, item);
  return item;
}

void ReferenceQueue::settle(Offset offset, Outcome outcome, dispatch::Time now) {
  Item& item = take_back(offset);
  if (outcome == Outcome::ack) {
    item.acked = true;
    make_done(offset, item);
  } else if (outcome == Outcome::release || item.where != Where::ready) {
    return;
  } else if (outcome == Outcome::reject && !dispatch::holds_dead_letters(options)) {
    ++item.failed;
    die(offset, item);
  } else if (!fail(offset, item)) {
    delay(offset, item, now);
  }
}

void ReferenceQueue::acknowledge_late(Offset offset) {
  Item& item = items.at(offset);
  if (item.where != Where::ready && item.where != Where::delayed) return;
  item.acked = true;
  make_done(offset, item);
}

bool ReferenceQueue::fail(Offset offset, Item& item) {
  ++item.failed;
  if (options.max_deliveries == 0 || item.failed < options.max_deliveries) return false;
  die(offset, item);
  return true;
}

// A value in flight stays there, but is settled.
void ReferenceQueue::supersede(Offset offset, Item& item) {
  item.superseded = true;
  if (item.where != Where::in_flight) make_done(offset, item);
  item.failed = 0;
}

// To the dead letters, as died() will tell.
void ReferenceQueue::die(Offset offset, Item& item) {
  const auto failed = item.failed;
  make_done(offset, item);
  item.failed = failed;
  item.dead = true;
}

void ReferenceQueue::died(const dispatch::Append& write) {
  const auto& letter = write.message->dead_letter;
  must(letter.has_value() && items.contains(letter->origin), "dead letters say where they died");
  Item& item = items.at(letter->origin);
  must(item.dead && !item.dead_at, "dead after max deliveries or a reject, once");
  must(item.message->payload == write.message->payload && letter->attempts == item.failed,
       "a dead letter is the message that died");
  item.dead_at = write.offset;
  item.failed = 0;
}

void ReferenceQueue::end(const dispatch::Settle& write) {
  using dispatch::End;
  for (Offset offset = write.first; offset <= write.last; offset = dispatch::next(offset)) {
    Item& item = items.at(offset);
    if (write.end == End::dead) must(item.dead, "dead after max deliveries or a reject, once");
    const bool outdated = write.end == End::superseded && dispatch::holds_dead_letters(options);
    if (write.end != End::purged && write.end != End::redriven && !outdated) continue;
    item.gone = item.gone || !write.group;
    if (item.where == Where::done || item.superseded) continue;
    must(item.where != Where::in_flight, "what is in flight is not purged");
    make_done(offset, item);
    item.purged = true;
  }
}

// Backs off. The delay grows step by step here, as a check of the formula there.
void ReferenceQueue::delay(Offset offset, Item& item, dispatch::Time now) {
  auto delay = options.retry_delay;
  for (std::uint32_t n = 1; n < item.failed && delay < options.retry_delay_max; ++n)
    delay *= options.retry_multiplier;
  delay = std::min(delay, options.retry_delay_max);
  if (delay == dispatch::Duration(0)) return;
  ready_.erase(offset);
  item.where = Where::delayed;
  item.until = now + delay;
  delayed_.emplace(item.until, offset);
}

void ReferenceQueue::wake(dispatch::Time now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const Offset offset = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    make_ready(offset, items.at(offset));
  }
}

std::optional<dispatch::Time> ReferenceQueue::first_due() const {
  if (delayed_.empty()) return std::nullopt;
  return delayed_.begin()->first;
}

void ReferenceQueue::leave(Offset offset, Leave leave) {
  Item& item = take_back(offset);
  if (leave == Leave::lost && item.where == Where::ready) fail(offset, item);
}

bool ReferenceQueue::is_latest(Offset offset) const {
  const auto& key = items.at(offset).key;
  return key.empty() || latest_.at(key) == offset;
}

void ReferenceQueue::make_ready(Offset offset, Item& item) {
  item.where = Where::ready;
  ready_.insert(offset);
}

void ReferenceQueue::make_done(Offset offset, Item& item) {
  item.where = Where::done;
  item.failed = 0;
  ready_.erase(offset);
  delayed_.erase({item.until, offset});
}

void ReferenceQueue::restart(const dispatch::QueueState& kept) {
  ready_.clear();
  delayed_.clear();
  keys_in_flight_.clear();
  latest_.clear();
  in_flight_.clear();
  options = kept.options();
  next = kept.next;
  items.erase(items.lower_bound(next), items.end());
  for (const auto& [offset, item] : items)
    if (!item.key.empty()) latest_[item.key] = offset;
  for (auto& [offset, item] : items) {
    item.failed = attempts_on(kept, offset);
    item.superseded = !is_latest(offset);
    item.gone = !kept.keeps(offset);
    if (is_settled(kept, offset) || item.superseded)
      make_done(offset, item);
    else
      revive(offset, item);
  }
}

// What ended it was not committed.
void ReferenceQueue::revive(Offset offset, Item& item) {
  item.dead = item.purged = false;
  item.dead_at = {};
  make_ready(offset, item);
}

void ReferenceQueue::compare(const dispatch::QueueState& state) const {
  must(state.options() == options, "definitions are kept");
  must(state.next == next, "offsets go on");
  std::uint64_t kept = 0, bytes = 0;
  for (const auto& [offset, item] : items) {
    must(item.dead == static_cast<bool>(item.dead_at), "what dies becomes a dead letter");
    must(is_settled(state, offset) == (item.where == Where::done || item.superseded),
         "exactly what is done is settled");
    must(attempts_on(state, offset) == item.failed, "failed attempts are kept");
    // The newest value of a key stays for groups to come.
    const bool stays = options.last_value && is_latest(offset) && !item.gone;
    if (!is_settled(state, offset) || stays) {
      ++kept;
      bytes += item.message->size_bytes();
      must(state.keeps(offset), "what is needed is kept");
    }
  }
  must(state.kept() == kept, "limits are exact");
  must(state.kept_bytes == bytes, "limits are exact");
}

}  // namespace model
