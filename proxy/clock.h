#pragma once

#include <chrono>

#include "dispatch/time.h"

namespace proxy {

// The time that queues see: the wall clock as it was at start, carried on by the steady clock. So
// it never steps back, and a wrong step of the machine's clock expires nothing.
class Clock {
 public:
  dispatch::Time now() const {
    const auto elapsed = std::chrono::steady_clock::now() - steady_start_;
    return std::chrono::time_point_cast<dispatch::Duration>(wall_start_ + elapsed);
  }

 private:
  std::chrono::system_clock::time_point wall_start_ = std::chrono::system_clock::now();
  std::chrono::steady_clock::time_point steady_start_ = std::chrono::steady_clock::now();
};

}  // namespace proxy
