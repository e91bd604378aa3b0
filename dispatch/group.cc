#include "dispatch/group.h"

#include <string_view>
#include <utility>

#include "dispatch/invariant.h"
#include "dispatch/key_selector.h"
#include "dispatch/packet_size.h"

namespace dispatch {

MessageRef dead_letter(const Entry& entry, std::string reason, std::uint32_t attempts, Time now) {
  auto message = std::make_shared<Message>(*entry.message);
  message->dead_letter = DeadLetter{std::move(reason), now, entry.offset, attempts};
  // What has expired is kept as a dead letter like any other.
  message->properties.message_expiry_s.reset();
  return message;
}

Group::Group(QueueState& queue, GroupId id, Shared& shared, GroupOwner& owner)
    : queue_(queue),
      id_(id),
      state_(queue.groups.at(id)),
      shared_(shared),
      owner_(owner),
      cursor_(state_.settled.watermark()) {
  make_own_chooser();
}

void Group::make_own_chooser() {
  ready_.inform(nullptr);
  delayed_.inform(nullptr);
  lanes_ = nullptr;
  if (queue_.options().dispatch != Strategy::key_affinity) {
    const auto seed = shared_.seed + (std::uint64_t{queue_.id.value} << 32) + id_.value;
    chooser_ = make_chooser(queue_.options().dispatch, seed);
    return;
  }
  auto lanes = std::make_unique<Lanes>(queue_);
  lanes_ = lanes.get();
  chooser_ = std::move(lanes);
  ready_.inform(lanes_);
  delayed_.inform(lanes_);
  for (const Consumer* consumer : consumers_)
    for (const auto& [delivery, entry] : consumer->held) lanes_->in_flight(entry.key, *consumer);
}

// --- Consumers ---

void Group::options_changed(Turn& turn) {
  // A last-value queue's newest values are known by the keys that they were stored with.
  if (!queue_.options().last_value) rekey();
  make_own_chooser();
  for (Consumer* consumer : consumers_) {
    consumer->rank = {};
    chooser_->join(*consumer);
    if (consumer->standing != Standing::waiting && consumer->standing != Standing::paused)
      take_standing(*consumer);
  }
  alarm_.reset();
  hand_out(turn);
}

void Group::rekey() {
  ready_.rekey(queue_);
  delayed_.rekey(queue_);
  for (Consumer* consumer : consumers_)
    for (auto& [delivery, entry] : consumer->held) entry.key = make_key(queue_, *entry.message);
}

void Group::join(Consumer& consumer, Turn& turn) {
  consumer.group = this;
  consumers_.push_back(&consumer);
  idle_since_.reset();
  find_widest();
  chooser_->join(consumer);
  take_standing(consumer);
  hand_out(turn);
}

void Group::leave(Consumer& consumer, Leave leave, Turn& turn) {
  if (consumer.standing == Standing::available) chooser_->remove(consumer);
  chooser_->leave(consumer);
  std::erase(consumers_, &consumer);
  find_widest();
  leases_.forget(consumer);
  pauses_.erase({consumer.paused_until, consumer.id});
  return_all(consumer, leave == Leave::lost ? Failed::at_once : Failed::no, turn);
  if (consumers_.empty()) {
    idle_since_ = turn.now;
    shrink();
    owner_.calmer(turn);
  }
  hand_out(turn);
}

void Group::settle(Consumer& consumer, DeliveryId delivery, const Settlement& settlement,
                   Turn& turn) {
  const auto& [outcome, reason, delay] = settlement;
  if (!consumer.held.contains(delivery)) return settle_late(consumer, delivery, outcome, turn);
  Entry entry = take_held(consumer, delivery, turn);
  if (outcome == Outcome::ack) {
    finish(entry, turn);
  } else if (outcome == Outcome::reject && !holds_dead_letters(queue_.options()) &&
             !is_settled(entry)) {
    free_key(entry.key);
    bury(entry, reason.empty() ? "rejected" : "rejected: " + std::string(reason), turn);
  } else {
    entry.refused_by = consumer.id;
    come_back(std::move(entry), outcome == Outcome::release ? Failed::no : Failed::after_delay,
              turn, delay);
  }
  if (outcome == Outcome::release) pause(consumer, turn);
  hand_out(turn);
}

void Group::wake(Consumer& consumer, Turn& turn) {
  INVARIANT(consumer.standing == Standing::waiting, "a consumer is woken that does not wait");
  take_standing(consumer);
  hand_out(turn);
}

// For a consumer that the chooser does not know: available, unless it is full.
void Group::take_standing(Consumer& consumer) {
  const bool full = consumer.load() >= queue_.options().max_inflight;
  consumer.standing = full ? Standing::full : Standing::available;
  if (!full) chooser_->add(consumer);
}

void Group::make_unavailable(Consumer& consumer, Standing standing) {
  chooser_->remove(consumer);
  consumer.standing = standing;
  if (standing == Standing::waiting) consumer.session->waiting.push_back(&consumer);
}

void Group::find_widest() {
  widest_ = 0;
  for (const Consumer* consumer : consumers_)
    widest_ = std::max<std::uint64_t>(widest_, consumer->session->limits.max_packet_bytes);
}

// --- Handing out ---

void Group::hand_out(Turn& turn) {
  if (!queue_.options().pause_consuming) {
    if (lanes_ != nullptr)
      hand_out_by_key(turn);
    else
      hand_out_in_order(turn);
  }
  read_ahead(turn);
  account();
  set_alarm();
}

void Group::hand_out_in_order(Turn& turn) {
  Offset from;
  while (!chooser_->empty()) {
    const Entry* entry = ready_.first_from(from);
    if (entry == nullptr) break;
    from = next(entry->offset);
    if (entry->has_expired(turn.now)) {
      owner_.expire(Entry(*entry), turn);
      continue;
    }
    if (hold_back(*entry)) continue;
    if (Consumer* taker = find_taker(*entry)) deliver(*taker, ready_.take(entry->offset), turn);
  }
}

void Group::hand_out_by_key(Turn& turn) {
  while (const auto next = lanes_->next()) {
    const Entry& entry = *ready_.first_from(next->offset);
    if (entry.has_expired(turn.now))
      owner_.expire(Entry(entry), turn);
    else if (!next->consumer->session->has_credit())
      make_unavailable(*next->consumer, Standing::waiting);
    else if (!hold_back(entry))
      deliver(*next->consumer, ready_.take(next->offset), turn);
  }
}

// A value is never delivered while an older value of its key is in flight.
bool Group::hold_back(const Entry& entry) {
  if (!queue_.options().last_value || !keys_.in_flight(entry.key)) return false;
  keys_.wait(ready_.take(entry.offset));
  return true;
}

// Nobody may take it if it is too large for all of them: those behind it need not wait for it.
Consumer* Group::find_taker(const Entry& entry) {
  const auto bytes = packet_bytes(entry, queue_.options());
  if (bytes > widest_) return nullptr;
  while (true) {
    // Somebody else first if one consumer has just refused it; better the same one than nobody.
    Consumer* taker = chooser_->choose(bytes, entry.refused_by);
    if (taker == nullptr && entry.refused_by) taker = chooser_->choose(bytes, ConsumerId{});
    if (taker == nullptr || taker->session->has_credit()) return taker;
    make_unavailable(*taker, Standing::waiting);
  }
}

void Group::deliver(Consumer& consumer, Entry entry, Turn& turn) {
  Deliver deliver;
  deliver.session = consumer.session->id;
  deliver.consumer = consumer.id;
  deliver.delivery = shared_.last_delivery = DeliveryId{shared_.last_delivery.value + 1};
  deliver.queue = queue_.id;
  deliver.offset = entry.offset;
  deliver.attempt = failures_of(entry.offset) + 1;
  deliver.message = entry.message;
  deliver.after_commit = entry.offset >= durable_end_ || deliver.attempt > 1;
  deliver.key = shown_key(entry.key);

  if (entry.delivered_before || deliver.attempt > 1) ++redelivered_total_;
  entry.delivered_before = true;
  deliver.settled_by_command = entry.settled_by_command =
      consumer.session->limits.user_properties &&
      (consumer.settles_by_command || queue_.options().settle == Settling::explicit_);
  if (queue_.options().last_value) keys_.begin(entry.key, entry.offset);
  if (lanes_ != nullptr) lanes_->in_flight(entry.key, consumer);
  consumer.held.emplace(deliver.delivery, std::move(entry));
  ++in_flight_;
  leases_.begin(consumer, deliver.delivery, turn.now, in_flight_);
  ++consumer.session->slots_used;
  chooser_->given(consumer);
  if (consumer.load() >= queue_.options().max_inflight) make_unavailable(consumer, Standing::full);
  turn.step.actions.push_back(std::move(deliver));
}

// --- Coming back ---

Entry Group::take_held(Consumer& consumer, DeliveryId delivery, Turn& turn) {
  auto node = consumer.held.extract(delivery);
  clear_flight(consumer, node.mapped(), turn);
  load_shrank(consumer);
  return std::move(node.mapped());
}

// The entry is not in flight any more. What has arrived and is settled by command gives its slot
// back with this, everything else with its acknowledgement.
void Group::clear_flight(Consumer& consumer, Entry& entry, Turn& turn) {
  --in_flight_;
  if (is_settled(entry)) --in_flight_settled_;
  if (lanes_ != nullptr) lanes_->not_in_flight(entry.key, consumer);
  entry.leased_until.reset();
  if (!std::exchange(entry.has_arrived, false)) return;
  --consumer.session->slots_used;
  turn.freed.push_back(consumer.session->id);
}

void Group::load_shrank(Consumer& consumer) {
  if (consumer.standing == Standing::full)
    take_standing(consumer);
  else if (consumer.standing == Standing::available)
    chooser_->held_changed(consumer);
}

void Group::return_all(Consumer& consumer, Failed failed, Turn& turn) {
  std::vector<Entry> entries;
  for (auto& [delivery, entry] : consumer.held) {
    clear_flight(consumer, entry, turn);
    entries.push_back(std::move(entry));
  }
  consumer.held.clear();
  std::ranges::sort(entries, {}, &Entry::offset);
  for (Entry& entry : entries) come_back(std::move(entry), failed, turn);
}

void Group::finish(const Entry& entry, Turn& turn) {
  if (!is_settled(entry)) record_settled(entry.offset, End::acked, entry.bytes, turn);
  free_key(entry.key);
}

// Back to its place among the ready ones, unless it has ended meanwhile; what has failed too often
// is a dead letter.
void Group::come_back(Entry entry, Failed failed, Turn& turn, std::optional<Duration> asked) {
  free_key(entry.key);
  if (is_settled(entry)) return;
  if (failed == Failed::no) return make_ready(std::move(entry));
  const auto failures = failures_of(entry.offset) + 1;
  if (const auto most = queue_.options().max_deliveries; most > 0 && failures >= most)
    return bury(entry, "max_deliveries", turn);
  record(turn.step, queue_, Attempt{queue_.id, id_, entry.offset, failures});
  if (failed == Failed::at_once) return make_ready(std::move(entry));
  const auto delay = asked ? *asked : retry_delay(queue_.options(), failures, shared_.random);
  if (delay == Duration(0)) return make_ready(std::move(entry));
  delayed_.add(std::move(entry), turn.now + delay);
}

std::uint32_t Group::failures_of(Offset offset) const {
  const auto known = state_.attempts.find(offset);
  return known == state_.attempts.end() ? 0 : known->second;
}

// Its last delivery has failed. It leaves this queue and enters the other in one commit.
void Group::bury(const Entry& entry, std::string reason, Turn& turn) {
  MessageRef message =
      dead_letter(entry, std::move(reason), failures_of(entry.offset) + 1, turn.now);
  record_settled(entry.offset, End::dead, entry.bytes, turn);
  turn.burials.push_back({queue_.id, std::move(message)});
}

// From cursor_ on the log has it still, and a Load will bring it (see shrink()).
void Group::make_ready(Entry entry) {
  if (entry.offset < cursor_) ready_.add(std::move(entry));
}

void Group::free_key(const std::string& key) {
  if (!queue_.options().last_value) return;
  if (auto waiting = keys_.end(key)) make_ready(std::move(*waiting));
}

void Group::record_settled(Offset offset, End end, std::uint64_t bytes, Turn& turn) {
  record(turn.step, queue_, Settle{queue_.id, id_, offset, offset, end, bytes});
  owner_.calmer(turn);
}

// --- Messages ---

void Group::ended(Offset first, Offset last) {
  drop_waiting(first, last);
  for (const Consumer* consumer : consumers_)
    for (const auto& [delivery, entry] : consumer->held)
      if (entry.offset >= first && entry.offset <= last && !is_settled(entry)) ++in_flight_settled_;
}

void Group::superseded(Offset older, const std::string& key) {
  if (keys_.in_flight(key) == older) {
    ++in_flight_settled_;
    return;
  }
  const auto waiting = ready_.size() + delayed_.size();
  ready_.drop(older);
  delayed_.take(older);
  keys_.drop_waiting(key, older);
  // Rare: the queue's `key` was changed meanwhile, and the older value goes by another one here.
  const bool found = ready_.size() + delayed_.size() < waiting;
  if (found || older >= cursor_) return;
  keys_.drop_waiting(older, older);
  if (holds(older)) ++in_flight_settled_;
}

void Group::withdraw(Offset offset, End end, std::uint64_t bytes, Turn& turn) {
  record_settled(offset, end, bytes, turn);
  drop_waiting(offset, offset);
}

// What is in memory of first..last and not in flight.
void Group::drop_waiting(Offset first, Offset last) {
  for (auto* e = ready_.first_from(first); e && e->offset <= last; e = ready_.first_from(first))
    ready_.drop(e->offset);
  delayed_.drop(first, last);
  keys_.drop_waiting(first, last);
}

std::map<Offset, std::uint32_t> Group::held() const {
  std::map<Offset, std::uint32_t> held;
  for (const Consumer* consumer : consumers_)
    for (const auto& [delivery, entry] : consumer->held)
      if (!is_settled(entry)) held.emplace(entry.offset, entry.bytes);
  return held;
}

bool Group::holds(Offset offset) const {
  return std::ranges::any_of(consumers_, [&](const Consumer* consumer) {
    return std::ranges::any_of(consumer->held,
                               [&](const auto& h) { return h.second.offset == offset; });
  });
}

// A group that has caught up serves the newest messages from memory; one that is behind will load
// this one when it comes to it.
void Group::appended(Entry entry) {
  skip_settled();
  const auto limit = window();
  const bool room = ready_.size() < limit.window_messages &&
                    (ready_.size() == 0 || ready_.bytes() + entry.bytes <= limit.window_bytes) &&
                    !too_many_delayed();
  if (cursor_ != entry.offset || !room) return;
  cursor_ = next(entry.offset);
  last_seen_ = entry.message->stored_at;
  ready_.add(std::move(entry));
  account();
}

void Group::loaded(const Load& load, std::vector<StoredMessage> messages, Turn& turn) {
  if (!load_ || load_->from != load.from || load_->end != load.end) return;
  load_.reset();
  for (const auto& stored : messages)
    if (stored.offset >= cursor_ && stored.offset < load.end) take_loaded(stored, turn);
  // The journal gives at least one message if it has any: now it has none.
  if (messages.empty()) {
    const Offset from = std::exchange(cursor_, std::max(cursor_, load.end));
    record_lost(from, load.end, turn);
  }
  hand_out(turn);
}

void Group::take_loaded(const StoredMessage& stored, Turn& turn) {
  const Offset from = std::exchange(cursor_, next(stored.offset));
  record_lost(from, stored.offset, turn);
  durable_end_ = std::max(durable_end_, cursor_);
  last_seen_ = stored.message->stored_at;
  if (state_.settled.contains(stored.offset) || delayed_.contains(stored.offset)) return;
  ready_.add(make_entry(queue_, stored.offset, stored.message));
}

// Messages that the journal should have had: they end here, so that nobody waits for them for ever,
// and are counted apart. How large they were isn't known.
void Group::record_lost(Offset from, Offset end, Turn& turn) {
  for (Offset offset = queue_.gone.next_missing(from); offset < end;
       offset = queue_.gone.next_missing(offset))
    owner_.end_for_all(offset, offset, End::lost, 0, turn);
}

// --- Looking ---

std::uint64_t Group::ready() const {
  const auto in_flight = in_flight_ - in_flight_settled_;
  return state_.settled.missing_below(queue_.next) - in_flight - delayed_.size();
}

std::optional<Time> Group::oldest_stored_at() const {
  const Offset oldest = state_.settled.watermark();
  if (oldest >= queue_.next) return std::nullopt;
  const Entry* entry = find_in_memory(oldest);
  return entry != nullptr ? entry->message->stored_at : last_seen_;
}

const Entry* Group::find_in_memory(Offset offset) const {
  const Entry* entry = ready_.first_from(offset);
  if (entry != nullptr && entry->offset == offset) return entry;
  if (const Entry* waiting = delayed_.find(offset)) return waiting;
  if (const Entry* waiting = keys_.find_waiting(offset)) return waiting;
  for (const Consumer* consumer : consumers_)
    for (const auto& [delivery, held] : consumer->held)
      if (held.offset == offset) return &held;
  return nullptr;
}

}  // namespace dispatch
