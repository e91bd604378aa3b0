#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dispatch/ids.h"
#include "dispatch/limits.h"
#include "dispatch/message.h"
#include "dispatch/queue_address.h"
#include "dispatch/time.h"

// Who takes messages: a session (one downstream connection) and its consumers (one $q/
// subscription each), with what they hold. Credit is decided here and nowhere else.

namespace dispatch {

class Group;
struct Consumer;

// A stored message in memory: ready, or held by a consumer.
struct Entry {
  Offset offset;
  MessageRef message;
  std::string key;                // of last-value queues; empty otherwise
  std::uint32_t bytes = 0;        // Message::size_bytes()
  bool delivered_before = false;  // since start
  ConsumerId refused_by;          // the last consumer that gave it back, if any

  // While it is in flight:
  Time leased_at{};                  // the start of its lease ...
  std::optional<Time> leased_until;  // ... or its end, if the consumer asked for that (leases.h)
  bool settled_by_command = false;   // not by its PUBACK, which only says that it has arrived
  bool has_arrived = false;

  bool has_expired(Time now) const {
    if (!message->properties.message_expiry_s) return false;
    return *message->expires_at() <= now;
  }
};

struct Session {
  SessionId id;
  SessionLimits limits;
  // By deliveries: until they are acknowledged, and settled if that is done by command.
  std::uint32_t slots_used = 0;
  std::uint32_t plain_in_flight = 0;  // by plain traffic
  bool writable = true;
  std::vector<Consumer*> consumers;
  // Consumers that could have been given a message but for the session's credit, in the order in
  // which they get their next chance.
  std::deque<Consumer*> waiting;

  void forget(Consumer& consumer) {
    std::erase(consumers, &consumer);
    std::erase(waiting, &consumer);
  }
  bool has_credit() const {
    return writable && slots_used + plain_in_flight < limits.receive_maximum;
  }
};

// Where a consumer stands with its group's chooser.
enum class Standing {
  available,  // may be chosen
  full,       // its load is max_inflight
  waiting,    // in its session's `waiting`
  paused,     // has just said "not now"
};

// A consumer's place among the others: fewest first, then who was served longest ago.
struct Rank {
  std::uint64_t load = 0;
  std::uint64_t turn = 0;
  friend auto operator<=>(const Rank&, const Rank&) = default;
};

struct Consumer {
  ConsumerId id;
  QueueAddress address;
  Session* session = nullptr;
  Group* group = nullptr;           // nullptr while there is no such queue
  bool settles_by_command = false;  // as its subscription asked for
  Standing standing = Standing::available;
  std::unordered_map<DeliveryId, Entry> held;  // in flight
  // Taken away because the consumer took too long. It hasn't answered yet, so they still use one of
  // the session's slots each, and count against max_inflight.
  struct Overdue {
    Offset offset;
    std::uint32_t bytes;
  };
  std::unordered_map<DeliveryId, Overdue> overdue;
  Rank rank;  // the chooser's own bookkeeping

  Time paused_until{};
  std::size_t load() const { return held.size() + overdue.size(); }
};

}  // namespace dispatch
