#pragma once

#include <cstdint>
#include <string_view>

namespace protocol {

// The control packets by the upper four bits of the first byte [MQTT-2.1.2]. 0 is forbidden.
enum class PacketType : std::uint8_t {
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  unsubscribe = 10,
  unsuback = 11,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
  auth = 15,
};

std::string_view name(PacketType type);  // "PUBLISH"

// The lower four bits that go with the type [MQTT-2.1.3]. PUBLISH has its own: DUP, QoS, RETAIN.
constexpr std::uint8_t fixed_flags(PacketType type) {
  const bool two = type == PacketType::pubrel || type == PacketType::subscribe ||
                   type == PacketType::unsubscribe;
  return two ? 0x02 : 0x00;
}

}  // namespace protocol
