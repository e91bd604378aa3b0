#include "dispatch/group.h"

// What happens to a group's messages because time passes.

namespace dispatch {

void Group::tick(Turn& turn) {
  alarm_.reset();
  const auto timeout = queue_.options().ack_timeout;
  for (auto lease = leases_.first(timeout); lease && lease->at <= turn.now;
       lease = leases_.first(timeout))
    time_out(*lease, turn);
  while (auto entry = delayed_.take_due(turn.now)) make_ready(std::move(*entry));
  end_pauses(turn.now);
  hand_out(turn);
}

// Others go on.
void Group::pause(Consumer& consumer, Turn& turn) {
  if (queue_.options().release_pause == Duration(0)) return;
  if (consumer.standing == Standing::available) chooser_->remove(consumer);
  if (consumer.standing == Standing::waiting) std::erase(consumer.session->waiting, &consumer);
  pauses_.erase({consumer.paused_until, consumer.id});
  consumer.standing = Standing::paused;
  consumer.paused_until = turn.now + queue_.options().release_pause;
  pauses_.emplace(std::pair(consumer.paused_until, consumer.id), &consumer);
  chooser_->standing_changed(consumer);
}

void Group::end_pauses(Time now) {
  while (!pauses_.empty() && pauses_.begin()->first.first <= now) {
    Consumer& consumer = *pauses_.begin()->second;
    pauses_.erase(pauses_.begin());
    take_standing(consumer);
    chooser_->standing_changed(consumer);
  }
}

// The consumer keeps the slot as long as its client still uses the packet identifier.
void Group::time_out(const Leases::Due& lease, Turn& turn) {
  Consumer& consumer = *lease.consumer;
  const Entry& late = consumer.held.at(lease.delivery);
  if (!late.has_arrived) {
    consumer.overdue.emplace(lease.delivery, Consumer::Overdue{late.offset, late.bytes});
    chooser_->standing_changed(consumer);
  }
  Entry entry = take_held(consumer, lease.delivery, turn);
  entry.refused_by = consumer.id;
  come_back(std::move(entry), Failed::after_delay, turn);
}

std::optional<Time> Group::first_deadline() {
  std::optional<Time> first = delayed_.first_due();
  if (!pauses_.empty() && (!first || pauses_.begin()->first.first < *first))
    first = pauses_.begin()->first.first;
  if (const auto expiry = queue_.options().group_expiry; idle_since_ && expiry > Duration(0))
    first = std::min(first.value_or(Time::max()), *idle_since_ + expiry);
  if (const auto lease = leases_.first(queue_.options().ack_timeout))
    first = std::min(first.value_or(Time::max()), lease->at);
  return first;
}

void Group::begin_idle(Time now) {
  idle_since_ = now;
  set_alarm();
}

bool Group::is_idle(Time now) const {
  const auto expiry = queue_.options().group_expiry;
  return expiry > Duration(0) && idle_since_ && *idle_since_ + expiry <= now;
}

// An alarm that goes off too early is set again; this saves setting it for every message.
void Group::set_alarm() {
  const auto first = first_deadline();
  if (!first || (alarm_ && *alarm_ <= *first)) return;
  alarm_ = first;
  shared_.alarms.set({queue_.id, id_}, first);
}

bool Group::arrived(Consumer& consumer, DeliveryId delivery, Turn& turn) {
  const auto found = consumer.held.find(delivery);
  if (found == consumer.held.end()) {
    settle_late(consumer, delivery, Outcome::retry, turn);
    return false;
  }
  found->second.has_arrived = true;
  if (!found->second.leased_until) leases_.begin(consumer, delivery, turn.now, in_flight_);
  return true;
}

void Group::extend(Consumer& consumer, DeliveryId delivery, std::optional<Duration> time,
                   Turn& turn) {
  if (time)
    leases_.extend(consumer, delivery, turn.now + *time);
  else
    leases_.begin(consumer, delivery, turn.now, in_flight_);
  set_alarm();
}

// The failure is counted already; what can still happen is that the work was done after all.
void Group::settle_late(Consumer& consumer, DeliveryId delivery, Outcome outcome, Turn& turn) {
  const auto overdue = consumer.overdue.extract(delivery);
  if (overdue.empty()) return;
  chooser_->standing_changed(consumer);
  load_shrank(consumer);
  const auto& [offset, bytes] = overdue.mapped();
  if (outcome == Outcome::ack && !state_.settled.contains(offset) && !holds(offset))
    withdraw(offset, End::acked, bytes, turn);
  hand_out(turn);
}

}  // namespace dispatch
