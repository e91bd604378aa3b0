#pragma once

#include <cstdint>
#include <string>

#include "dispatch/ids.h"
#include "dispatch/time.h"

// What administration sees of single messages and consumers.

namespace dispatch {

// Offsets of a queue that belong together: from <= offset < end.
struct Stretch {
  QueueId queue;
  Offset from;
  Offset end;
  friend bool operator==(const Stretch&, const Stretch&) = default;
};

enum class Place { ready, in_flight, delayed, settled };

// Where a message is, for one group.
struct MessageView {
  Place place = Place::ready;
  std::uint32_t failed = 0;  // deliveries
  friend bool operator==(const MessageView&, const MessageView&) = default;
};

struct ConsumerView {
  ConsumerId consumer;
  SessionId session;
  std::string queue;  // its name
  bool dead = false;  // consumes that queue's dead letters
  std::string group;
  std::uint64_t in_flight = 0;
  // How many more it may be given now: what both its session and max_inflight leave.
  std::uint64_t credit = 0;
  std::uint64_t paused_ms = 0;  // that it gets nothing for, after it said "not now"
  friend bool operator==(const ConsumerView&, const ConsumerView&) = default;
};

}  // namespace dispatch
