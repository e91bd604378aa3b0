#include "proxy/protocol/decode.h"

#include <string>
#include <utility>

#include "dispatch/topic.h"
#include "proxy/protocol/decode_parts.h"
#include "proxy/protocol/print.h"

namespace protocol {
namespace {

constexpr auto malformed = ReasonCode::malformed_packet;
constexpr auto protocol_error = ReasonCode::protocol_error;

// Where the specification leaves the choice between Malformed Packet and Protocol Error, or says
// only "must not", the reason codes are those that brokers in use answer with: what a SUBSCRIBE or
// UNSUBSCRIBE has in it makes it malformed. `reason` is of an identifier of 0 [MQTT-2.2.1-3].
PacketId read_packet_id(Cursor& in, ReasonCode reason = protocol_error) {
  const PacketId id = in.two_byte();
  in.fail_if(id == 0, reason, "Packet Identifier 0");
  return id;
}

ReasonCode read_reason(Cursor& in, PacketType type) {
  const auto reason = static_cast<ReasonCode>(in.byte());
  in.fail_if(!may_carry(type, reason), protocol_error, "a Reason Code that it may not carry");
  return reason;
}

Connack decode_connack(Cursor& in, Version version) {
  Connack connack;
  const std::uint8_t flags = in.byte();
  in.fail_if(flags > 1, malformed, "a reserved acknowledge flag is set");
  connack.session_present = flags == 1;
  if (version == Version::v5) {
    connack.reason = read_reason(in, PacketType::connack);
    connack.properties = decode_properties(in, carrier_bit(PacketType::connack));
    require_authentication_method(in, connack.properties);
  } else {
    const std::uint8_t code = in.byte();
    in.fail_if(code > 5, protocol_error, "an unknown return code");
    connack.reason = from_return_code(code);
  }
  in.fail_if(connack.session_present && connack.reason != ReasonCode::success, protocol_error,
             "Session Present in a refusal");  // [MQTT-3.2.2-6]
  return connack;
}

// In 5.0 a Topic Alias may stand for the topic; whether it is known is the session's question.
void check_publish_topic(Cursor& in, const Publish& publish, Version version) {
  if (version == Version::v5 && publish.topic.empty()) {
    return in.fail_if(!publish.properties.has(PropertyId::topic_alias), protocol_error,
                      "neither Topic Name nor Topic Alias");
  }
  require_topic_name(in, publish.topic, protocol_error);
}

Publish decode_publish(Cursor& in, std::uint8_t flags, Version version) {
  Publish publish;
  const std::uint8_t qos = flags >> 1 & 3;
  publish.dup = (flags & 0x08) != 0;
  publish.qos = static_cast<QoS>(qos);
  publish.retain = (flags & 0x01) != 0;
  in.fail_if(qos == 3, malformed, "QoS 3");                          // [MQTT-3.3.1-4]
  in.fail_if(publish.dup && qos == 0, malformed, "DUP with QoS 0");  // [MQTT-3.3.1-2]
  publish.topic = in.utf8();
  if (qos != 0) publish.packet_id = read_packet_id(in);
  publish.properties = decode_properties(in, carrier_bit(PacketType::publish), version);
  check_publish_topic(in, publish, version);
  publish.payload = in.rest();
  return publish;
}

// Without Reason Code it is Success, without Property Length there are none [MQTT-3.4.2.1].
template <int Type>
Acknowledgement<Type> decode_acknowledgement(Cursor& in, Version version) {
  constexpr auto type = static_cast<PacketType>(Type);
  Acknowledgement<Type> ack;
  ack.packet_id = read_packet_id(in);
  if (version == Version::v3_1_1 || in.at_end()) return ack;
  ack.reason = read_reason(in, type);
  if (!in.at_end()) ack.properties = decode_properties(in, carrier_bit(type));
  return ack;
}

// `$share/<ShareName>/<filter>`, all parts there and no wildcard in the name [MQTT-4.8.2-1, -2].
bool bad_share(std::string_view filter) {
  const std::size_t prefix = std::string_view("$share/").size();
  const std::size_t slash = filter.find('/', prefix);
  const std::string_view share_name = filter.substr(prefix, slash - prefix);
  return slash == std::string_view::npos || slash + 1 == filter.size() || share_name.empty() ||
         share_name.find_first_of("+#") != std::string_view::npos;
}

bool is_shared(std::string_view filter) { return filter.starts_with("$share/"); }

std::string read_filter(Cursor& in, Version version) {
  const std::string_view filter = in.utf8();
  if (!in.ok()) return {};
  if (const auto checked = dispatch::check_topic_filter(filter); !checked) {
    in.fail(malformed, printable(checked.error().text));
  } else if (version == Version::v5 && is_shared(filter)) {
    in.fail_if(bad_share(filter), malformed, "a shared subscription is $share/<name>/<filter>");
  }
  return std::string(filter);
}

// The Subscription Options of 5.0 [MQTT-3.8.3.1], of which 3.1.1 has only the QoS.
Subscription read_subscription(Cursor& in, Version version) {
  Subscription subscription;
  subscription.filter = read_filter(in, version);
  const std::uint8_t options = in.byte();
  const unsigned qos = options & 3;
  const unsigned retain_handling = options >> 4 & 3;
  const bool v5 = version == Version::v5;
  in.fail_if((options & (v5 ? 0xC0 : 0xFC)) != 0, malformed, "a reserved option bit is set");
  in.fail_if(qos == 3, malformed, "Maximum QoS 3");
  in.fail_if(retain_handling == 3, malformed, "Retain Handling 3");
  subscription.qos = static_cast<QoS>(qos);
  subscription.no_local = (options & 0x04) != 0;
  subscription.retain_as_published = (options & 0x08) != 0;
  subscription.retain_handling = static_cast<RetainHandling>(retain_handling);
  in.fail_if(subscription.no_local && is_shared(subscription.filter), protocol_error,
             "No Local on a shared subscription");  // [MQTT-3.8.3-4]
  return subscription;
}

Subscribe decode_subscribe(Cursor& in, Version version) {
  Subscribe subscribe;
  subscribe.packet_id = read_packet_id(in, malformed);
  subscribe.properties = decode_properties(in, carrier_bit(PacketType::subscribe), version);
  while (!in.at_end()) subscribe.subscriptions.push_back(read_subscription(in, version));
  in.fail_if(subscribe.subscriptions.empty(), malformed, "no Topic Filter");
  return subscribe;
}

ReasonCode read_granted(Cursor& in, Version version) {
  if (version == Version::v5) return read_reason(in, PacketType::suback);
  const std::uint8_t code = in.byte();
  in.fail_if(code > 2 && code != 0x80, protocol_error, "an unknown return code");
  return static_cast<ReasonCode>(code);
}

Suback decode_suback(Cursor& in, Version version) {
  Suback suback;
  suback.packet_id = read_packet_id(in);
  suback.properties = decode_properties(in, carrier_bit(PacketType::suback), version);
  while (!in.at_end()) suback.reasons.push_back(read_granted(in, version));
  in.fail_if(suback.reasons.empty(), protocol_error, "no Reason Code");
  return suback;
}

Unsubscribe decode_unsubscribe(Cursor& in, Version version) {
  Unsubscribe unsubscribe;
  unsubscribe.packet_id = read_packet_id(in, malformed);
  unsubscribe.properties = decode_properties(in, carrier_bit(PacketType::unsubscribe), version);
  while (!in.at_end()) unsubscribe.filters.push_back(read_filter(in, version));
  in.fail_if(unsubscribe.filters.empty(), malformed, "no Topic Filter");
  return unsubscribe;
}

Unsuback decode_unsuback(Cursor& in, Version version) {
  Unsuback unsuback;
  unsuback.packet_id = read_packet_id(in);
  if (version == Version::v3_1_1) return unsuback;
  unsuback.properties = decode_properties(in, carrier_bit(PacketType::unsuback));
  while (!in.at_end()) unsuback.reasons.push_back(read_reason(in, PacketType::unsuback));
  in.fail_if(unsuback.reasons.empty(), protocol_error, "no Reason Code");
  return unsuback;
}

// Of no bytes at all: Normal disconnection [MQTT-3.14.2.1].
Disconnect decode_disconnect(Cursor& in, Version version) {
  Disconnect disconnect;
  if (version == Version::v3_1_1 || in.at_end()) return disconnect;
  disconnect.reason = read_reason(in, PacketType::disconnect);
  if (in.at_end()) return disconnect;
  disconnect.properties = decode_properties(in, carrier_bit(PacketType::disconnect));
  return disconnect;
}

// Only Success may leave everything out [MQTT-3.15.2.1]; with contents the method is a must
// [MQTT-3.15.2.2.2].
Auth decode_auth(Cursor& in, Version version) {
  Auth auth;
  in.fail_if(version == Version::v3_1_1, protocol_error, "MQTT 3.1.1 has no such packet");
  if (in.at_end()) return auth;
  auth.reason = read_reason(in, PacketType::auth);
  auth.properties = decode_properties(in, carrier_bit(PacketType::auth));
  const bool bare = auth.reason == ReasonCode::success && auth.properties.empty();
  in.fail_if(!bare && !auth.properties.has(PropertyId::authentication_method), protocol_error,
             "no Authentication Method");
  return auth;
}

Packet decode_body(Cursor& in, PacketType type, std::uint8_t flags, Version version) {
  switch (type) {
    case PacketType::connect:
      return decode_connect(in);
    case PacketType::connack:
      return decode_connack(in, version);
    case PacketType::publish:
      return decode_publish(in, flags, version);
    case PacketType::puback:
      return decode_acknowledgement<4>(in, version);
    case PacketType::pubrec:
      return decode_acknowledgement<5>(in, version);
    case PacketType::pubrel:
      return decode_acknowledgement<6>(in, version);
    case PacketType::pubcomp:
      return decode_acknowledgement<7>(in, version);
    case PacketType::subscribe:
      return decode_subscribe(in, version);
    case PacketType::suback:
      return decode_suback(in, version);
    case PacketType::unsubscribe:
      return decode_unsubscribe(in, version);
    case PacketType::unsuback:
      return decode_unsuback(in, version);
    case PacketType::pingreq:
      return Pingreq{};
    case PacketType::pingresp:
      return Pingresp{};
    case PacketType::disconnect:
      return decode_disconnect(in, version);
    case PacketType::auth:
      return decode_auth(in, version);
  }
  in.fail(protocol_error, "packet type 0");
  return Pingreq{};
}

}  // namespace

Result<Packet> decode(std::uint8_t first_byte, std::span<const std::uint8_t> body,
                      Version version) {
  const auto type = static_cast<PacketType>(first_byte >> 4);
  const std::uint8_t flags = first_byte & 0x0F;
  Cursor in(body);
  in.fail_if(type != PacketType::publish && flags != fixed_flags(type), malformed,
             "wrong flags in the first byte");  // [MQTT-2.1.3-1]
  Result<Packet> packet = decode_body(in, type, flags, version);
  in.fail_if(!in.at_end(), malformed, "bytes after its end");
  if (in.ok()) return packet;
  DecodeError error = in.take_error();
  error.text = std::string(name(type)) + ": " + error.text;
  return error;
}

Result<void> check_from_client(const Packet& packet) {
  const PacketType type = type_of(packet);
  const auto wrong = [type](std::string_view text) {
    return DecodeError{protocol_error, std::string(name(type)) + ": " + std::string(text)};
  };
  if (const auto* publish = std::get_if<Publish>(&packet)) {
    if (publish->properties.has(PropertyId::subscription_identifier)) {
      return wrong("a Subscription Identifier from a client");
    }
  } else if (const auto* disconnect = std::get_if<Disconnect>(&packet)) {
    if (disconnect->properties.has(PropertyId::server_reference)) {
      return wrong("a Server Reference from a client");
    }
  } else if (const auto* auth = std::get_if<Auth>(&packet)) {
    if (auth->reason == ReasonCode::success) return wrong("Success from a client");
  } else if (type == PacketType::connack || type == PacketType::suback ||
             type == PacketType::unsuback || type == PacketType::pingresp) {
    return wrong("only servers send it");
  }
  return {};
}

}  // namespace protocol
