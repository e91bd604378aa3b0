#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dispatch/time.h"

// Durations as people write them in options: a whole number and one of ms, s, m, h, d.

namespace dispatch {

// Nothing if it is not written so or longer than 100 years.
std::optional<Duration> parse_duration(std::string_view text);

// In the largest unit that leaves a whole number: 90000 ms are "90s".
std::string print_duration(Duration duration);

}  // namespace dispatch
