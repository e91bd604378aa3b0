#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

// Strong identifiers. A QueueId can't be passed where an Offset is meant; 0 means "none" in every
// one of them, so the first one handed out is 1.

namespace dispatch {

template <class Tag, class Rep>
struct Id {
  using rep = Rep;
  Rep value{};

  friend constexpr auto operator<=>(Id, Id) = default;
  constexpr explicit operator bool() const { return value != 0; }
};

// Durable: chosen by the queue core, written to the journal, never reused in one data directory.
using QueueId = Id<struct QueueTag, std::uint64_t>;
using GroupId = Id<struct GroupTag, std::uint32_t>;  // unique within its queue
using Offset = Id<struct OffsetTag, std::uint64_t>;  // dense within its queue, starts at 1

// Of this process: never reused while it runs, unknown to the journal.
using SessionId = Id<struct SessionTag, std::uint64_t>;    // one downstream network connection
using ConsumerId = Id<struct ConsumerTag, std::uint64_t>;  // one $q/ subscription of one session
using DeliveryId = Id<struct DeliveryTag, std::uint64_t>;  // one handing-out of one message
using RequestId = Id<struct RequestTag, std::uint64_t>;    // a publish or command to be answered

// The group of consumers that name none (docs/queues.md section 1).
inline constexpr std::string_view kDefaultGroup = "default";

constexpr Offset next(Offset o) { return Offset{o.value + 1}; }
constexpr QueueId next(QueueId q) { return QueueId{q.value + 1}; }

}  // namespace dispatch

template <class Tag, class Rep>
struct std::hash<dispatch::Id<Tag, Rep>> {
  std::size_t operator()(dispatch::Id<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value);
  }
};
