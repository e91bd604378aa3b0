#include "dispatch/duration_text.h"

#include <charconv>
#include <cstdint>
#include <utility>

namespace dispatch {

namespace {

// From the largest.
constexpr std::pair<std::string_view, std::int64_t> kUnitsInMs[] = {
    {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};
constexpr std::int64_t kLongestMs = 100LL * 365 * 86'400'000;

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count < 0) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  for (const auto& [name, ms] : kUnitsInMs) {
    if (name != unit) continue;
    if (count > kLongestMs / ms) return std::nullopt;
    return Duration(count * ms);
  }
  return std::nullopt;
}

std::string print_duration(Duration duration) {
  const std::int64_t total = duration.count();
  for (const auto& [name, ms] : kUnitsInMs)
    if (total != 0 && total % ms == 0) return std::to_string(total / ms) + std::string(name);
  return "0s";
}

}  // namespace dispatch
