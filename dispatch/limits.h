#pragma once

#include <cstdint>

// Numbers the shell gives the core.

namespace dispatch {

// What a downstream connection takes.
struct SessionLimits {
  // Unacknowledged QoS 1 and 2 deliveries, shared with plain traffic.
  std::uint16_t receive_maximum = 65535;
  std::uint32_t max_packet_bytes = 0xFFFFFFFF;
  bool user_properties = true;  // MQTT 5: deliveries can say how they are to be settled
};

// What the core may keep in memory of a backlog, for each group that has consumers. Groups without
// consumers keep much less.
struct CoreLimits {
  std::uint64_t window_messages = 1024;          // at least 1
  std::uint64_t window_bytes = 4 * 1024 * 1024;  // a single larger message is still taken
  // For all groups together, about. Beyond it those with consumers keep a small window, the others
  // take nothing new.
  std::uint64_t budget_bytes = 64 * 1024 * 1024;
};

}  // namespace dispatch
