#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Sizes as people write them in options: a whole number, and KiB, MiB, GiB or TiB if need be.

namespace dispatch {

// Nothing if it is not written so or does not fit.
std::optional<std::uint64_t> parse_size(std::string_view text);

// In the largest unit that leaves a whole number: 1048576 is "1MiB", 1000 is "1000".
std::string print_size(std::uint64_t size);

}  // namespace dispatch
