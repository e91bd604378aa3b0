#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dispatch/queue_options.h"
#include "dispatch/queue_state.h"

namespace dispatch {

struct GroupStats {
  std::string name;
  std::uint64_t ready = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t delayed = 0;  // waiting after a failed delivery
  std::uint64_t consumers = 0;
  std::uint64_t redelivered_total = 0;  // since start
  Offset next;                          // everything below is settled
  Ends ended{};                         // ever, by End: for this group alone
};

// What `queue show` tells. Totals named "ever" count across restarts, all groups together.
struct QueueStats {
  QueueOptions options;     // of a mailbox: its template's, but for the name
  std::string topic;        // of a mailbox; else empty
  std::uint64_t ready = 0;  // of group default, as are in_flight, delayed and oldest_age_ms
  std::uint64_t in_flight = 0;
  std::uint64_t delayed = 0;
  std::uint64_t dead = 0;                // dead letters that are kept
  std::uint64_t kept = 0;                // messages, in whatever state
  std::uint64_t bytes = 0;               // of them
  std::uint64_t ready_bytes_loaded = 0;  // of the messages read ahead
  std::uint64_t consumers = 0;
  std::uint64_t mailboxes = 0;          // of a template
  std::uint64_t stored_total = 0;       // ever
  std::uint64_t redelivered_total = 0;  // since start
  std::uint64_t refused_total = 0;      // since start: publishes for which there was no room
  std::uint64_t redriven_total = 0;     // ever: dead letters that went back to this queue
  Ends ended{};                         // ever, by End
  std::uint64_t oldest_age_ms = 0;      // of the oldest message not settled; 0 if there is none
  std::vector<GroupStats> groups;

  std::uint64_t ended_as(End end) const { return ended[index_of(end)]; }
};

}  // namespace dispatch
