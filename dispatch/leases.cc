#include "dispatch/leases.h"

namespace dispatch {

namespace {

constexpr std::size_t kSettledAtMost = 64;  // or as many as are held, before they are dropped

const Entry* find_held(const Consumer& consumer, DeliveryId delivery) {
  const auto found = consumer.held.find(delivery);
  return found == consumer.held.end() ? nullptr : &found->second;
}

}  // namespace

bool Leases::Lease::counts() const {
  const Entry* entry = find_held(*consumer, delivery);
  return entry != nullptr && !entry->leased_until && entry->leased_at == since;
}

void Leases::begin(Consumer& consumer, DeliveryId delivery, Time now, std::size_t in_flight) {
  if (size() > 2 * in_flight + kSettledAtMost) {
    drop_passed();
    std::erase_if(leases_, [](const Lease& old) { return !old.counts(); });
  } else if (leases_.size() == leases_.capacity() && passed_ > leases_.size() / 2) {
    drop_passed();
  }
  Entry& entry = consumer.held.at(delivery);
  entry.leased_at = now;
  entry.leased_until.reset();
  leases_.push_back({now, delivery, &consumer});
}

void Leases::drop_passed() {
  leases_.erase(leases_.begin(), leases_.begin() + static_cast<std::ptrdiff_t>(passed_));
  passed_ = 0;
}

void Leases::pop_first() {
  if (++passed_ < leases_.size()) return;
  leases_.clear();
  passed_ = 0;
}

void Leases::extend(Consumer& consumer, DeliveryId delivery, Time until) {
  Entry& entry = consumer.held.at(delivery);
  if (entry.leased_until) extended_.erase({*entry.leased_until, delivery});
  entry.leased_until = until;
  extended_.emplace(std::pair(until, delivery), &consumer);
}

std::optional<Leases::Due> Leases::first(Duration timeout) {
  std::optional<Due> first;
  while (size() > 0 && !leases_[passed_].counts()) pop_first();
  if (timeout > Duration(0) && size() > 0) {
    const Lease& oldest = leases_[passed_];
    first = Due{oldest.since + timeout, oldest.delivery, oldest.consumer};
  }
  while (!extended_.empty()) {
    const auto& [key, consumer] = *extended_.begin();
    const auto& [until, delivery] = key;
    const Entry* entry = find_held(*consumer, delivery);
    if (entry != nullptr && entry->leased_until == until) {
      if (!first || until < first->at) first = Due{until, delivery, consumer};
      break;
    }
    extended_.erase(extended_.begin());
  }
  return first;
}

void Leases::forget(const Consumer& consumer) {
  drop_passed();
  std::erase_if(leases_, [&](const Lease& lease) { return lease.consumer == &consumer; });
  std::erase_if(extended_, [&](const auto& lease) { return lease.second == &consumer; });
}

}  // namespace dispatch
