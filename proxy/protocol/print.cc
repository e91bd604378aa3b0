#include "proxy/protocol/print.h"

#include <algorithm>
#include <cstddef>

namespace protocol {

std::string printable(std::string_view text) {
  constexpr std::size_t longest = 100;
  constexpr std::string_view digits = "0123456789abcdef";
  std::size_t end = std::min(text.size(), longest);
  const auto inside_character = [&] { return (text[end] & 0xC0) == 0x80; };
  while (end > 0 && end < text.size() && inside_character()) --end;
  std::string result;
  for (const char c : text.substr(0, end)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) {
      result += c;
    } else {
      result += "\\x";
      result += digits[byte >> 4];
      result += digits[byte & 15];
    }
  }
  return end < text.size() ? result + "..." : result;
}

namespace {

std::string bytes(std::size_t count) { return std::to_string(count) + " bytes"; }

std::string value_text(const Property& property) {
  switch (type_of(property.id)) {
    case PropertyType::utf8_string:
      return printable(property.string());
    case PropertyType::binary:  // Authentication Data is a secret
      return bytes(property.string().size());
    case PropertyType::utf8_pair:
      return printable(property.pair().first) + ":" + printable(property.pair().second);
    default:
      return std::to_string(property.number());
  }
}

// Every item after a separator, as far as it makes sense in one line.
template <class Items, class Text>
std::string listed(const Items& items, std::string_view separator, Text text) {
  constexpr std::size_t longest = 1000;
  std::string result;
  for (const auto& item : items) {
    result += separator;
    if (result.size() > longest) return result + "...";
    result += text(item);
  }
  return result;
}

// ` {Topic Alias=3, User Property=a:b}`, or nothing.
std::string properties_text(const Properties& properties) {
  if (properties.empty()) return {};
  const auto one = [](const Property& property) {
    return std::string(name(property.id)) + "=" + value_text(property);
  };
  return " {" + listed(properties.items(), ", ", one).substr(2) + "}";
}

std::string code_text(ReasonCode reason) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto value = static_cast<unsigned>(reason);
  return std::string(" 0x") + digits[value >> 4] + digits[value & 15];
}

// ` 0x97 Quota exceeded`
std::string reason_text(ReasonCode reason) {
  return code_text(reason) + " " + std::string(name(reason));
}

std::string qos_text(QoS qos) { return " q" + std::to_string(static_cast<int>(qos)); }
std::string id_text(PacketId id) { return " id=" + std::to_string(id); }

std::string will_text(const Will& will) {
  return " will" + qos_text(will.qos) + (will.retain ? " retain" : "") +
         " topic=" + printable(will.topic) + " " + bytes(will.payload.size()) +
         properties_text(will.properties);
}

std::string details(const Connect& connect) {
  std::string result = connect.version == Version::v5 ? " v5" : " v3.1.1";
  if (connect.clean_start) result += " clean";
  result += " keep_alive=" + std::to_string(connect.keep_alive_s);
  result += " client=" + printable(connect.client_id);
  if (connect.username) result += " user=" + printable(*connect.username);
  if (connect.password) result += " password";
  result += properties_text(connect.properties);
  return connect.will ? result + will_text(*connect.will) : result;
}

std::string details(const Connack& connack) {
  return std::string(connack.session_present ? " session_present" : "") +
         reason_text(connack.reason) + properties_text(connack.properties);
}

std::string details(const Publish& publish) {
  std::string result = qos_text(publish.qos);
  if (publish.dup) result += " dup";
  if (publish.retain) result += " retain";
  if (publish.packet_id != 0) result += id_text(publish.packet_id);
  return result + " topic=" + printable(publish.topic) + " " + bytes(publish.payload.size()) +
         properties_text(publish.properties);
}

template <int Type>
std::string details(const Acknowledgement<Type>& ack) {
  return id_text(ack.packet_id) + reason_text(ack.reason) + properties_text(ack.properties);
}

std::string details(const Subscribe& subscribe) {
  const auto one = [](const Subscription& subscription) {
    return printable(subscription.filter) + qos_text(subscription.qos);
  };
  return id_text(subscribe.packet_id) + listed(subscribe.subscriptions, " ", one) +
         properties_text(subscribe.properties);
}

std::string details(const Unsubscribe& unsubscribe) {
  return id_text(unsubscribe.packet_id) + listed(unsubscribe.filters, " ", printable) +
         properties_text(unsubscribe.properties);
}

// SUBACK and UNSUBACK.
template <class P>
std::string details_of_codes(const P& packet) {
  return id_text(packet.packet_id) + listed(packet.reasons, "", code_text) +
         properties_text(packet.properties);
}

std::string details(const Suback& suback) { return details_of_codes(suback); }
std::string details(const Unsuback& unsuback) { return details_of_codes(unsuback); }
std::string details(const Pingreq&) { return {}; }
std::string details(const Pingresp&) { return {}; }

std::string details(const Disconnect& disconnect) {
  return reason_text(disconnect.reason) + properties_text(disconnect.properties);
}

std::string details(const Auth& auth) {
  return reason_text(auth.reason) + properties_text(auth.properties);
}

}  // namespace

std::string to_text(const Packet& packet) {
  return std::string(name(type_of(packet))) +
         std::visit([](const auto& p) { return details(p); }, packet);
}

}  // namespace protocol
