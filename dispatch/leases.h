#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "dispatch/consumer.h"
#include "dispatch/time.h"

// Since when a group's deliveries are in flight, oldest first, and until when those whose consumers
// asked for another time. A lease that was renewed or settled is not looked up here: it is left out
// when it comes to the front, or when there are too many of them.

namespace dispatch {

class Leases {
 public:
  // Begins the lease of a delivery that the consumer holds, or begins it anew. `now` never goes
  // back. `in_flight`: how many leases are held, this one among them.
  void begin(Consumer& consumer, DeliveryId delivery, Time now, std::size_t in_flight);
  // Gives it until then, however long that is.
  void extend(Consumer& consumer, DeliveryId delivery, Time until);

  struct Due {
    Time at;
    DeliveryId delivery;
    Consumer* consumer;
  };
  // The first one that ends, if a lease is as long as `timeout`; 0: only those that were extended
  // ever end.
  std::optional<Due> first(Duration timeout);
  // The consumer is going.
  void forget(const Consumer& consumer);

 private:
  struct Lease {
    Time since;
    DeliveryId delivery;
    Consumer* consumer;
    bool counts() const;
  };
  void pop_first();
  void drop_passed();
  std::size_t size() const { return leases_.size() - passed_; }

  // A queue: those before `passed_` are over. Not a std::deque, which takes 600 bytes when it is
  // empty, and so are those of very many mailboxes.
  std::vector<Lease> leases_;
  std::size_t passed_ = 0;
  std::map<std::pair<Time, DeliveryId>, Consumer*> extended_;
};

}  // namespace dispatch
