#pragma once

#include <string>
#include <string_view>

namespace proxy {

// The text with control characters as \xNN: what comes from outside must not break a line of the
// log, nor drive a terminal. Other bytes stay as they are.
std::string printable(std::string_view text);

}  // namespace proxy
