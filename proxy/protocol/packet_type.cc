#include "proxy/protocol/packet_type.h"

#include <array>
#include <cstddef>

namespace protocol {

std::string_view name(PacketType type) {
  static constexpr std::array<std::string_view, 16> names = {
      "packet type 0", "CONNECT",  "CONNACK",    "PUBLISH", "PUBACK",      "PUBREC",
      "PUBREL",        "PUBCOMP",  "SUBSCRIBE",  "SUBACK",  "UNSUBSCRIBE", "UNSUBACK",
      "PINGREQ",       "PINGRESP", "DISCONNECT", "AUTH"};
  return names[static_cast<std::size_t>(type) & 0x0F];
}

}  // namespace protocol
