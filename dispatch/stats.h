#pragma once

#include <cstdint>

#include "dispatch/queue_options.h"

namespace dispatch {

// What `queue show` tells. Totals named "ever" count across restarts, all groups together.
struct QueueStats {
  QueueOptions options;
  std::uint64_t ready = 0;  // of group default, as are in_flight and oldest_age_ms
  std::uint64_t in_flight = 0;
  std::uint64_t delayed = 0;             // of group default: waiting after a failed delivery
  std::uint64_t dead = 0;                // dead letters that are not settled
  std::uint64_t ready_bytes_loaded = 0;  // of the messages read ahead
  std::uint64_t consumers = 0;
  std::uint64_t stored_total = 0;       // ever
  std::uint64_t acked_total = 0;        // ever
  std::uint64_t redelivered_total = 0;  // since start
  std::uint64_t superseded_total = 0;   // ever: replaced by a newer value of their key
  std::uint64_t lost_total = 0;         // ever: stored, but the journal no longer had them
  std::uint64_t dead_total = 0;         // ever: moved to the dead letters
  std::uint64_t purged_total = 0;       // ever
  std::uint64_t redriven_total = 0;     // ever: dead letters that went back to this queue
  std::uint64_t oldest_age_ms = 0;      // of the oldest message not settled; 0 if there is none
};

}  // namespace dispatch
