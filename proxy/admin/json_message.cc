#include "proxy/admin/json_message.h"

#include <algorithm>

#include <boost/json/array.hpp>

#include "proxy/admin/base64.h"
#include "proxy/protocol/utf8.h"
#include "proxy/rfc3339.h"

namespace admin {
namespace {

namespace json = boost::json;

const char* name_of(dispatch::Place place) {
  switch (place) {
    case dispatch::Place::ready:
      return "ready";
    case dispatch::Place::in_flight:
      return "in_flight";
    case dispatch::Place::delayed:
      return "delayed";
    case dispatch::Place::settled:
      break;
  }
  return "settled";
}

void add_payload(json::object& object, std::string_view payload, std::size_t bytes) {
  const std::string_view text = whole_characters(payload, bytes);
  const bool is_text = protocol::valid_utf8(text);
  object["payload_bytes"] = payload.size();
  object["payload_encoding"] = is_text ? "text" : "base64";
  object["payload"] = is_text ? std::string(text) : to_base64(payload.substr(0, bytes));
  object["payload_truncated"] = payload.size() > (is_text ? text.size() : bytes);
}

json::object properties_of(const dispatch::ApplicationProperties& kept) {
  json::object object;
  if (kept.payload_format) object["payload_format"] = *kept.payload_format;
  if (kept.message_expiry_s) object["message_expiry_s"] = *kept.message_expiry_s;
  if (kept.content_type) object["content_type"] = *kept.content_type;
  if (kept.response_topic) object["response_topic"] = *kept.response_topic;
  if (kept.correlation_data) object["correlation_data_base64"] = to_base64(*kept.correlation_data);
  if (kept.user.empty()) return object;
  json::array user;
  user.reserve(kept.user.size());
  for (const auto& [name, value] : kept.user) user.push_back(json::array{name, value});
  object["user"] = std::move(user);
  return object;
}

json::object death_of(const dispatch::DeadLetter& dead) {
  json::object object;
  object["reason"] = dead.reason;
  object["at"] = proxy::rfc3339(dead.at);
  object["origin"] = dead.origin.value;
  object["attempts"] = dead.attempts;
  return object;
}

}  // namespace

std::string_view whole_characters(std::string_view text, std::size_t bytes) {
  if (bytes >= text.size()) return text;
  const auto goes_on = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  std::size_t end = bytes;
  while (end > 0 && bytes - end < 3 && goes_on(end)) --end;
  return text.substr(0, end);
}

json::object to_json(const MessageInfo& info, dispatch::Time now, std::size_t payload_bytes) {
  const dispatch::Message& message = *info.message;
  json::object object;
  object["offset"] = info.offset.value;
  object["state"] = name_of(info.view.place);
  object["failed_deliveries"] = info.view.failed;
  object["topic"] = message.topic;
  object["stored_at"] = proxy::rfc3339(message.stored_at);
  object["age_ms"] = std::max<std::int64_t>(0, (now - message.stored_at).count());
  object["size_bytes"] = message.size_bytes();
  object["publisher"] = message.publisher;
  if (!message.username.empty()) object["username"] = message.username;
  if (json::object properties = properties_of(message.properties); !properties.empty())
    object["properties"] = std::move(properties);
  if (message.dead_letter) object["dead"] = death_of(*message.dead_letter);
  add_payload(object, message.payload, payload_bytes);
  return object;
}

}  // namespace admin
