#pragma once

#include <chrono>

// Time as the core sees it: an argument, never read from a clock here. The shell promises that it
// never steps back (proxy/clock.h), so one kind serves both for what is stored and for deadlines.

namespace dispatch {

using Duration = std::chrono::milliseconds;
using Time = std::chrono::sys_time<Duration>;

}  // namespace dispatch
