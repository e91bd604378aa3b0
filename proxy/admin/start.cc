#include "proxy/admin/start.h"

#include <charconv>
#include <limits>
#include <string>

#include "dispatch/duration_text.h"
#include "proxy/rfc3339.h"

namespace admin {
namespace {

using dispatch::Offset;

constexpr std::string_view kOffset = "offset:";
constexpr std::string_view kTime = "time:";
constexpr std::string_view kAgo = "-ago";

dispatch::Error wrong(std::string_view text) {
  return dispatch::invalid("'" + std::string(text) +
                           "' is no place to start: takes earliest, latest, offset:N, "
                           "time:2026-11-25T10:00:00Z or 15m-ago");
}

}  // namespace

dispatch::Result<Start> parse_start(std::string_view text) {
  if (text == "earliest") return Start(Offset{1});
  if (text == "latest") return Start(Offset{std::numeric_limits<std::uint64_t>::max()});
  if (text.starts_with(kOffset)) {
    const auto digits = text.substr(kOffset.size());
    std::uint64_t number = 0;
    const auto [end, failed] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (failed != std::errc() || end != digits.data() + digits.size() || number == 0)
      return wrong(text);
    return Start(Offset{number});
  }
  if (text.starts_with(kTime)) {
    const auto time = proxy::parse_rfc3339(text.substr(kTime.size()));
    if (!time) return wrong(text);
    return Start(*time);
  }
  if (!text.ends_with(kAgo)) return wrong(text);
  const auto ago = dispatch::parse_duration(text.substr(0, text.size() - kAgo.size()));
  if (!ago) return wrong(text);
  return Start(*ago);
}

}  // namespace admin
