#include "dispatch/size_text.h"

#include <charconv>
#include <utility>

namespace dispatch {

namespace {

constexpr std::pair<std::string_view, unsigned> kUnits[] = {
    {"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}};

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.empty()) return size;
  for (const auto& [name, bits] : kUnits)
    if (unit == name) {
      if (size >> (64 - bits) != 0) return std::nullopt;
      return size << bits;
    }
  return std::nullopt;
}

std::string print_size(std::uint64_t size) {
  for (const auto& [name, bits] : kUnits)
    if (size != 0 && size % (std::uint64_t{1} << bits) == 0)
      return std::to_string(size >> bits) + std::string(name);
  return std::to_string(size);
}

}  // namespace dispatch
