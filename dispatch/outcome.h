#pragma once

#include <optional>
#include <string_view>

#include "dispatch/time.h"

namespace dispatch {

// What a consumer says of a delivery.
enum class Outcome {
  ack,      // done
  retry,    // failed: counts as an attempt
  release,  // not now: not counted
  reject,   // never again: to the dead letters at once. Of a dead letter itself: a retry
};

// What a consumer says of a delivery, in full.
struct Settlement {
  Outcome outcome = Outcome::ack;
  std::string_view reason = {};        // of a reject: kept with the dead letter
  std::optional<Duration> delay = {};  // of a retry: in the place of the queue's retry_delay
};

// How a consumer went: a lost connection counts as a failed attempt, the others don't.
enum class Leave { orderly, lost };

}  // namespace dispatch
