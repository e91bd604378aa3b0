#pragma once

#include <optional>
#include <span>

#include "dispatch/queue_state.h"
#include "dispatch/step.h"

// When a commit must reach the disk: the most that any queue it touches asks for.

namespace storage {

struct SyncNeed {
  bool now = false;  // before it is acknowledged
  // Else within this time after it; nothing: there is no hurry.
  std::optional<dispatch::Duration> within;
};

// `states` as they are after the writes. Definitions are always synced: a queue that was made must
// not be gone after a power cut.
SyncNeed sync_need(const dispatch::QueueStates& states, std::span<const dispatch::Write> writes);

}  // namespace storage
