#include "proxy/protocol/encode.h"

#include <utility>

#include "proxy/protocol/writer.h"

namespace protocol {
namespace {

std::size_t value_size(const Property& property) {
  switch (type_of(property.id)) {
    case PropertyType::byte:
      return 1;
    case PropertyType::two_byte:
      return 2;
    case PropertyType::four_byte:
      return 4;
    case PropertyType::variable_byte:
      return variable_byte_size(property.number());
    case PropertyType::utf8_string:
    case PropertyType::binary:
      return 2 + property.string().size();
    case PropertyType::utf8_pair:
      break;
  }
  return 4 + property.pair().first.size() + property.pair().second.size();
}

// Without the Property Length.
std::size_t properties_size(const Properties& properties) {
  std::size_t size = 0;
  for (const Property& property : properties.items()) size += 1 + value_size(property);
  return size;
}

void write_property(Writer& out, const Property& property) {
  out.byte(static_cast<unsigned>(property.id));
  switch (type_of(property.id)) {
    case PropertyType::byte:
      return out.byte(property.number());
    case PropertyType::two_byte:
      return out.two_byte(property.number());
    case PropertyType::four_byte:
      return out.four_byte(property.number());
    case PropertyType::variable_byte:
      return out.variable_byte(property.number());
    case PropertyType::utf8_string:
    case PropertyType::binary:
      return out.string(property.string());
    case PropertyType::utf8_pair:
      break;
  }
  out.string(property.pair().first);
  out.string(property.pair().second);
}

void write_properties(Writer& out, const Properties& properties, Version version) {
  if (version == Version::v3_1_1) return;
  out.variable_byte(properties_size(properties));
  for (const Property& property : properties.items()) write_property(out, property);
}

std::uint8_t connect_flags(const Connect& connect) {
  unsigned flags = connect.clean_start ? 0x02 : 0;
  if (connect.will) {
    flags |= 0x04 | static_cast<unsigned>(connect.will->qos) << 3;
    flags |= connect.will->retain ? 0x20 : 0;
  }
  if (connect.password) flags |= 0x40;
  if (connect.username) flags |= 0x80;
  return static_cast<std::uint8_t>(flags);
}

// The body of each packet: what stands after the Remaining Length. A CONNECT has a version of its
// own, whatever was agreed before.
void write_body(Writer& out, const Connect& connect, Version) {
  out.string("MQTT");
  out.byte(static_cast<unsigned>(connect.version));
  out.byte(connect_flags(connect));
  out.two_byte(connect.keep_alive_s);
  write_properties(out, connect.properties, connect.version);
  out.string(connect.client_id);
  if (connect.will) {
    write_properties(out, connect.will->properties, connect.version);
    out.string(connect.will->topic);
    out.string(connect.will->payload);
  }
  if (connect.username) out.string(*connect.username);
  if (connect.password) out.string(*connect.password);
}

void write_body(Writer& out, const Connack& connack, Version version) {
  out.byte(connack.session_present ? 1 : 0);
  if (version == Version::v5) {
    out.byte(static_cast<unsigned>(connack.reason));
  } else {
    out.byte(static_cast<unsigned>(to_return_code(connack.reason)));
  }
  write_properties(out, connack.properties, version);
}

// Reason Code and properties from the end on, as far as there is something to say.
template <class P>
void write_outcome(Writer& out, const P& packet, Version version) {
  const bool plain = packet.reason == ReasonCode::success && packet.properties.empty();
  if (plain || version == Version::v3_1_1) return;
  out.byte(static_cast<unsigned>(packet.reason));
  if (!packet.properties.empty()) write_properties(out, packet.properties, version);
}

template <int Type>
void write_body(Writer& out, const Acknowledgement<Type>& ack, Version version) {
  out.two_byte(ack.packet_id);
  write_outcome(out, ack, version);
}

unsigned subscription_options(const Subscription& subscription, Version version) {
  const auto qos = static_cast<unsigned>(subscription.qos);
  if (version == Version::v3_1_1) return qos;
  return qos | (subscription.no_local ? 0x04u : 0u) |
         (subscription.retain_as_published ? 0x08u : 0u) |
         static_cast<unsigned>(subscription.retain_handling) << 4;
}

void write_body(Writer& out, const Subscribe& subscribe, Version version) {
  out.two_byte(subscribe.packet_id);
  write_properties(out, subscribe.properties, version);
  for (const Subscription& subscription : subscribe.subscriptions) {
    out.string(subscription.filter);
    out.byte(subscription_options(subscription, version));
  }
}

void write_body(Writer& out, const Suback& suback, Version version) {
  out.two_byte(suback.packet_id);
  write_properties(out, suback.properties, version);
  for (const ReasonCode reason : suback.reasons) {
    const bool refused = version == Version::v3_1_1 && is_error(reason);
    out.byte(refused ? 0x80 : static_cast<unsigned>(reason));
  }
}

void write_body(Writer& out, const Unsubscribe& unsubscribe, Version version) {
  out.two_byte(unsubscribe.packet_id);
  write_properties(out, unsubscribe.properties, version);
  for (const std::string& filter : unsubscribe.filters) out.string(filter);
}

void write_body(Writer& out, const Unsuback& unsuback, Version version) {
  out.two_byte(unsuback.packet_id);
  if (version == Version::v3_1_1) return;
  write_properties(out, unsuback.properties, version);
  for (const ReasonCode reason : unsuback.reasons) out.byte(static_cast<unsigned>(reason));
}

void write_body(Writer&, const Pingreq&, Version) {}
void write_body(Writer&, const Pingresp&, Version) {}

void write_body(Writer& out, const Disconnect& disconnect, Version version) {
  write_outcome(out, disconnect, version);
}

void write_body(Writer& out, const Auth& auth, Version version) {
  INVARIANT(version == Version::v5, "AUTH is a packet of 5.0");
  write_outcome(out, auth, version);
}

// After the Remaining Length and before the payload.
std::size_t variable_header_size(const Publish& publish, Version version) {
  std::size_t size = 2 + publish.topic.size();
  if (publish.qos != QoS::at_most_once) size += 2;
  if (version == Version::v3_1_1) return size;
  const std::size_t properties = properties_size(publish.properties);
  return size + variable_byte_size(properties) + properties;
}

unsigned publish_first_byte(const Publish& publish) {
  return static_cast<unsigned>(PacketType::publish) << 4 | (publish.dup ? 0x08u : 0u) |
         static_cast<unsigned>(publish.qos) << 1 | (publish.retain ? 0x01u : 0u);
}

}  // namespace

std::size_t publish_size(const Publish& publish, std::size_t payload_size, Version version) {
  const std::size_t length = variable_header_size(publish, version) + payload_size;
  return 1 + variable_byte_size(length) + length;
}

void encode_publish_head(const Publish& publish, std::size_t payload_size, Version version,
                         std::string& out) {
  Writer writer(out);
  writer.byte(publish_first_byte(publish));
  writer.variable_byte(variable_header_size(publish, version) + payload_size);
  writer.string(publish.topic);
  if (publish.qos != QoS::at_most_once) writer.two_byte(publish.packet_id);
  write_properties(writer, publish.properties, version);
}

namespace {

void write_packet(const Publish& publish, Version version, std::string& out) {
  encode_publish_head(publish, publish.payload.size(), version, out);
  out += publish.payload;
}

template <class P>
void write_packet(const P& packet, Version version, std::string& out) {
  constexpr PacketType type = type_of<P>();
  Writer writer(out);
  writer.byte(static_cast<unsigned>(type) << 4 | fixed_flags(type));
  const std::size_t body = writer.size();
  write_body(writer, packet, version);
  writer.insert_length(body);
}

}  // namespace

void encode(const Packet& packet, Version version, std::string& out) {
  std::visit([&](const auto& p) { write_packet(p, version, out); }, packet);
}

}  // namespace protocol
