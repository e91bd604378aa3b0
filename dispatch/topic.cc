#include "dispatch/topic.h"

namespace dispatch {

namespace {

constexpr std::size_t kMaxTopicBytes = 65535;

Result<void> check_text(std::string_view text, std::string_view what) {
  if (text.empty()) return invalid(std::string(what) + " is empty");
  if (text.size() > kMaxTopicBytes)
    return invalid(std::string(what) + " is longer than 65535 bytes");
  if (text.find('\0') != text.npos) return invalid(std::string(what) + " contains U+0000");
  return {};
}

// Takes the first level off `rest`; `rest` has no data pointer after the last one, so that the
// empty level at the end of "a/" is seen.
std::string_view take_level(std::string_view& rest) {
  const auto slash = rest.find('/');
  const auto level = rest.substr(0, slash);
  rest = slash == rest.npos ? std::string_view() : rest.substr(slash + 1);
  return level;
}

Result<void> check_level(std::string_view level, bool last, std::string_view filter) {
  if (level.size() > 1 && level.find_first_of("+#") != level.npos)
    return invalid("topic filter '" + std::string(filter) +
                   "': a wildcard must fill its level alone");
  if (level == "#" && !last)
    return invalid("topic filter '" + std::string(filter) + "': '#' must be the last level");
  return {};
}

}  // namespace

Result<void> check_topic_name(std::string_view topic) {
  if (auto checked = check_text(topic, "topic name"); !checked) return checked;
  if (has_wildcard(topic))
    return invalid("topic name '" + std::string(topic) + "' contains a wildcard");
  return {};
}

Result<void> check_topic_filter(std::string_view filter) {
  if (auto checked = check_text(filter, "topic filter"); !checked) return checked;
  std::string_view rest = filter;
  while (rest.data() != nullptr) {
    const auto level = take_level(rest);
    if (auto checked = check_level(level, rest.data() == nullptr, filter); !checked) return checked;
  }
  return {};
}

bool topic_matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && !filter.starts_with('$')) return false;
  while (filter.data() != nullptr) {
    const auto wanted = take_level(filter);
    if (wanted == "#") return true;  // also where the topic has ended: "a/#" matches "a"
    if (topic.data() == nullptr) return false;
    const auto level = take_level(topic);
    if (wanted != "+" && wanted != level) return false;
  }
  return topic.data() == nullptr;
}

bool has_wildcard(std::string_view filter) { return filter.find_first_of("+#") != filter.npos; }

bool filters_overlap(std::string_view a, std::string_view b) {
  if (a.starts_with('$') != b.starts_with('$')) return false;
  while (a.data() != nullptr && b.data() != nullptr) {
    const auto one = take_level(a), other = take_level(b);
    if (one == "#" || other == "#") return true;
    if (one != "+" && other != "+" && one != other) return false;
  }
  return a.data() == b.data() || a == "#" || b == "#";
}

}  // namespace dispatch
