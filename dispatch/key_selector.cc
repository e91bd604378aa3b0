#include "dispatch/key_selector.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace dispatch {

namespace {

constexpr std::string_view kLevel = "topic:";
constexpr std::string_view kProperty = "property:";
constexpr std::string_view kPayload = "payload:";
const std::string kTopicMark(1, '\0');
constexpr std::string_view kTakes =
    "topic, topic:<level>, client_id, username, property:<name> or payload:<JSON pointer>";
// A larger payload has no key: looking into it would hold up everybody else.
constexpr std::size_t kMaxParsedBytes = 256 * 1024;

// The level number of "topic:<n>": 1 or more; 0 if it is none.
std::size_t level_number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

std::optional<std::string> not_empty(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

std::optional<std::string> topic_level(std::string_view topic, std::size_t number) {
  for (; number > 1; --number) {
    const auto slash = topic.find('/');
    if (slash == topic.npos) return std::nullopt;
    topic.remove_prefix(slash + 1);
  }
  return not_empty(topic.substr(0, topic.find('/')));
}

std::optional<std::string> user_property(const Message& message, std::string_view name) {
  const auto& user = message.properties.user;
  const auto found = std::ranges::find(user, name, &UserProperty::name);
  if (found == user.end()) return std::nullopt;
  return not_empty(found->value);
}

// What the pointer (RFC 6901) finds in a JSON payload: a text, a number or a truth value.
std::optional<std::string> payload_value(const Message& message, std::string_view pointer) {
  if (message.payload.size() > kMaxParsedBytes) return std::nullopt;
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(message.payload, error);
  if (error) return std::nullopt;
  const boost::json::value* found = document.find_pointer(pointer, error);
  if (found == nullptr || found->is_structured() || found->is_null()) return std::nullopt;
  if (const auto* text = found->if_string()) return not_empty({text->data(), text->size()});
  return boost::json::serialize(*found);
}

Result<void> check_pointer(std::string_view selector) {
  boost::system::error_code error;
  boost::json::value(nullptr).find_pointer(selector.substr(kPayload.size()), error);
  bool escapes_right = true;  // "~0" and "~1" alone
  for (auto at = selector.find('~'); at != selector.npos; at = selector.find('~', at + 1))
    escapes_right = escapes_right && at + 1 < selector.size() &&
                    (selector[at + 1] == '0' || selector[at + 1] == '1');
  if (error == boost::json::error::missing_slash || !escapes_right ||
      selector.size() == kPayload.size())
    return invalid("option 'key': '" + std::string(selector) +
                   "' has no JSON pointer; it takes payload:/name/name");
  return {};
}

std::optional<std::string> select(const Message& message, std::string_view selector) {
  if (selector == "topic") return not_empty(message.topic);
  if (selector == "client_id") return not_empty(message.publisher);
  if (selector == "username") return not_empty(message.username);
  if (selector.starts_with(kLevel))
    return topic_level(message.topic, level_number(selector.substr(kLevel.size())));
  if (selector.starts_with(kPayload))
    return payload_value(message, selector.substr(kPayload.size()));
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
  if (selector.starts_with(kPayload)) return check_pointer(selector);
  return invalid("option 'key': '" + std::string(selector) + "' is no selector; it takes " +
                 std::string(kTakes));
}

namespace {

std::optional<std::string> find_key(const Message& message,
                                    std::span<const std::string> selectors) {
  std::string key;
  for (const auto& selector : selectors) {
    auto part = select(message, selector);
    if (!part || selectors.size() == 1) return part;
    append_part(key, *part);
  }
  return key;
}

}  // namespace

bool has_key(const Message& message, std::span<const std::string> selectors) {
  return find_key(message, selectors).has_value();
}

std::string key_of(const Message& message, std::span<const std::string> selectors) {
  return find_key(message, selectors).value_or(kTopicMark + message.topic);
}

std::string_view shown_key(std::string_view key) {
  if (key.starts_with(kTopicMark)) key.remove_prefix(kTopicMark.size());
  return key;
}

}  // namespace dispatch
