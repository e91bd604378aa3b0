#pragma once

namespace dispatch {

// What a consumer says of a delivery.
enum class Outcome {
  ack,      // done
  retry,    // failed: counts as an attempt
  release,  // not now: not counted
  reject,   // never again; there are no dead letters to move it to, so it is a retry
};

// How a consumer went: a lost connection counts as a failed attempt, the others don't.
enum class Leave { orderly, lost };

}  // namespace dispatch
