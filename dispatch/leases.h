#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "dispatch/consumer.h"
#include "dispatch/time.h"

// Since when a group's deliveries are in flight, oldest first. A settled one is not looked up here:
// it is left out when it comes to the front, or when there are too many of them.

namespace dispatch {

struct Lease {
  Time since;
  DeliveryId delivery;
  Consumer* consumer;

  bool held() const { return consumer->held.contains(delivery); }
};

class Leases {
 public:
  // `in_flight`: how many leases are held, this one among them.
  void add(const Lease& lease, std::size_t in_flight);
  // The oldest one that is held.
  std::optional<Lease> first();
  // The consumer is going.
  void forget(const Consumer& consumer);

 private:
  std::deque<Lease> leases_;
};

}  // namespace dispatch
