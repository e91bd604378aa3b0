#pragma once

#include <string_view>
#include <variant>

#include "dispatch/ids.h"
#include "dispatch/result.h"
#include "dispatch/time.h"

namespace admin {

// Where a group begins: at an offset, or at the first message stored at or after a time, which may
// be said as so long before now.
using Start = std::variant<dispatch::Offset, dispatch::Time, dispatch::Duration>;

// "earliest", "latest", "offset:N", "time:RFC3339", or a duration before now: "2h-ago". Earliest is
// the lowest offset there can be, latest the highest: the queue puts them within what it keeps.
dispatch::Result<Start> parse_start(std::string_view text);

}  // namespace admin
