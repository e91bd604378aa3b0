#include "proxy/protocol/decode.h"
#include "proxy/protocol/decode_parts.h"

namespace protocol {
namespace {

constexpr std::uint8_t reserved_flag = 0x01;
constexpr std::uint8_t clean_start_flag = 0x02;
constexpr std::uint8_t will_flag = 0x04;
constexpr std::uint8_t will_qos_bits = 0x18;
constexpr std::uint8_t will_retain_flag = 0x20;
constexpr std::uint8_t password_flag = 0x40;
constexpr std::uint8_t username_flag = 0x80;

// A wrong name is no MQTT: there is nobody to answer [MQTT-3.1.2-1]. A wrong level is another MQTT,
// which is told so [MQTT-3.1.2-2]; MQTT 3.1 had another name ("MQIsdp") as well.
Version read_version(Cursor& in) {
  const std::string_view protocol_name = in.utf8();
  const std::uint8_t level = in.byte();
  in.fail_if(protocol_name != "MQTT" && protocol_name != "MQIsdp", ReasonCode::malformed_packet,
             "the protocol is not MQTT");
  const bool known = protocol_name == "MQTT" && (level == 4 || level == 5);
  in.fail_if(!known, ReasonCode::unsupported_protocol_version, "not MQTT 3.1.1 or MQTT 5.0");
  return level == 5 ? Version::v5 : Version::v3_1_1;
}

void check_flags(Cursor& in, std::uint8_t flags, Version version) {
  constexpr auto malformed = ReasonCode::malformed_packet;
  const bool will = (flags & will_flag) != 0;
  const std::uint8_t will_parts = flags & (will_qos_bits | will_retain_flag);
  in.fail_if((flags & reserved_flag) != 0, malformed, "the reserved flag is set");
  in.fail_if(!will && will_parts != 0, malformed, "Will QoS or Will Retain without Will Flag");
  in.fail_if((flags & will_qos_bits) == will_qos_bits, malformed, "Will QoS 3");
  const bool lone_password = (flags & password_flag) != 0 && (flags & username_flag) == 0;
  in.fail_if(lone_password && version == Version::v3_1_1, malformed,
             "a Password without User Name");  // [MQTT-3.1.2-22]
}

Will read_will(Cursor& in, std::uint8_t flags, Version version) {
  Will will;
  will.qos = static_cast<QoS>((flags & will_qos_bits) >> 3);
  will.retain = (flags & will_retain_flag) != 0;
  will.properties = decode_properties(in, will_carrier, version);
  will.topic = in.utf8();
  require_topic_name(in, will.topic, ReasonCode::topic_name_invalid);
  will.payload = in.binary();
  return will;
}

}  // namespace

Connect decode_connect(Cursor& in) {
  Connect connect;
  connect.version = read_version(in);
  const std::uint8_t flags = in.byte();
  check_flags(in, flags, connect.version);
  connect.clean_start = (flags & clean_start_flag) != 0;
  connect.keep_alive_s = in.two_byte();
  connect.properties = decode_properties(in, carrier_bit(PacketType::connect), connect.version);
  require_authentication_method(in, connect.properties);
  connect.client_id = in.utf8();
  if ((flags & will_flag) != 0) connect.will = read_will(in, flags, connect.version);
  if ((flags & username_flag) != 0) connect.username = in.utf8();
  if ((flags & password_flag) != 0) connect.password = in.binary();
  // [MQTT-3.1.3-8]; 5.0 lets the server assign one. Last, so that a malformed packet is called
  // that.
  const bool nameless = connect.client_id.empty() && !connect.clean_start && in.at_end();
  in.fail_if(nameless && connect.version == Version::v3_1_1,
             ReasonCode::client_identifier_not_valid, "no Client Identifier without Clean Session");
  return connect;
}

Version connect_version(std::span<const std::uint8_t> body) {
  Cursor in(body);
  in.utf8();
  return in.byte() >= 5 ? Version::v5 : Version::v3_1_1;
}

}  // namespace protocol
