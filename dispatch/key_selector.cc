#include "dispatch/key_selector.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace dispatch {

namespace {

constexpr std::string_view kLevel = "topic:";
constexpr std::string_view kProperty = "property:";
constexpr std::string_view kPayload = "payload:";
const std::string kTopicMark(1, '\0');
constexpr std::string_view kTakes = "topic, topic:<level>, client_id, username or property:<name>";

// The level number of "topic:<n>": 1 or more; 0 if it is none.
std::size_t level_number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

std::optional<std::string_view> not_empty(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return text;
}

std::optional<std::string_view> topic_level(std::string_view topic, std::size_t number) {
  for (; number > 1; --number) {
    const auto slash = topic.find('/');
    if (slash == topic.npos) return std::nullopt;
    topic.remove_prefix(slash + 1);
  }
  return not_empty(topic.substr(0, topic.find('/')));
}

std::optional<std::string_view> user_property(const Message& message, std::string_view name) {
  const auto& user = message.properties.user;
  const auto found = std::ranges::find(user, name, &UserProperty::name);
  if (found == user.end()) return std::nullopt;
  return not_empty(found->value);
}

std::optional<std::string_view> select(const Message& message, std::string_view selector) {
  if (selector == "topic") return message.topic;
  if (selector == "client_id") return not_empty(message.publisher);
  if (selector == "username") return not_empty(message.username);
  if (selector.starts_with(kLevel))
    return topic_level(message.topic, level_number(selector.substr(kLevel.size())));
  return user_property(message, selector.substr(kProperty.size()));
}

// Length and text, so that ("a", "bc") and ("ab", "c") stay apart.
void append_part(std::string& key, std::string_view part) {
  key += std::to_string(part.size());
  key += ':';
  key += part;
}

}  // namespace

Result<void> check_key_selector(std::string_view selector) {
  if (selector == "topic" || selector == "client_id" || selector == "username") return {};
  if (selector.starts_with(kLevel) && level_number(selector.substr(kLevel.size())) > 0) return {};
  if (selector.starts_with(kProperty) && selector.size() > kProperty.size()) return {};
  if (selector.starts_with(kPayload))
    return invalid("option 'key': selector '" + std::string(selector) + "' is not built yet");
  return invalid("option 'key': '" + std::string(selector) + "' is no selector; it takes " +
                 std::string(kTakes));
}

std::string key_of(const Message& message, std::span<const std::string> selectors) {
  std::string key;
  for (const auto& selector : selectors) {
    const auto part = select(message, selector);
    if (!part) return kTopicMark + message.topic;
    if (selectors.size() == 1) return std::string(*part);
    append_part(key, *part);
  }
  return key;
}

std::string_view shown_key(std::string_view key) {
  if (key.starts_with(kTopicMark)) key.remove_prefix(kTopicMark.size());
  return key;
}

}  // namespace dispatch
