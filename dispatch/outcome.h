#pragma once

namespace dispatch {

// What a consumer says of a delivery.
enum class Outcome {
  ack,      // done
  retry,    // failed: counts as an attempt
  release,  // not now: not counted
  reject,   // never again: to the dead letters at once. Of a dead letter itself: a retry
};

// How a consumer went: a lost connection counts as a failed attempt, the others don't.
enum class Leave { orderly, lost };

}  // namespace dispatch
