#include "proxy/message.h"

#include <memory>
#include <utility>

namespace proxy {
namespace {

using protocol::PropertyId;

std::uint32_t number(const protocol::Property& property) {
  return std::get<std::uint32_t>(property.value);
}
const std::string& text(const protocol::Property& property) {
  return std::get<std::string>(property.value);
}

void keep(const protocol::Property& property, dispatch::ApplicationProperties& kept) {
  switch (property.id) {
    case PropertyId::payload_format_indicator:
      kept.payload_format = static_cast<std::uint8_t>(number(property));
      return;
    case PropertyId::message_expiry_interval:
      kept.message_expiry_s = number(property);
      return;
    case PropertyId::content_type:
      kept.content_type = text(property);
      return;
    case PropertyId::response_topic:
      kept.response_topic = text(property);
      return;
    case PropertyId::correlation_data:
      kept.correlation_data = text(property);
      return;
    case PropertyId::user_property: {
      const auto& [name, value] = std::get<protocol::StringPair>(property.value);
      kept.user.push_back({name, value});
      return;
    }
    default:
      return;
  }
}

}  // namespace

dispatch::MessageRef make_message(protocol::Publish&& publish, const std::string& client_id,
                                  const std::string& username, dispatch::Time now) {
  auto message = std::make_shared<dispatch::Message>();
  message->topic = std::move(publish.topic);
  message->payload = std::move(publish.payload);
  message->publisher = client_id;
  message->username = username;
  message->stored_at = now;
  for (const auto& property : publish.properties.items()) keep(property, message->properties);
  return message;
}

}  // namespace proxy
