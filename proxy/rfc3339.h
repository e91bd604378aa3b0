#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dispatch/time.h"

namespace proxy {

// "2026-11-25T10:28:09.123Z"
std::string rfc3339(dispatch::Time time);

// A date and time with its offset from UTC (Z or +HH:MM), with or without a fraction of a second;
// nothing if it is not written so, or there is no such day or time.
std::optional<dispatch::Time> parse_rfc3339(std::string_view text);

}  // namespace proxy
