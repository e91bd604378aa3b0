#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/protocol/cursor.h"
#include "proxy/protocol/packets.h"

// The parts of the decoder, one per file; their errors stay in the cursor. Only for decode*.cc.

namespace protocol {

// decode_connect.cc
Connect decode_connect(Cursor& in);

// decode_properties.cc: the Property Length and the properties after it. `carrier` is one bit: see
// carrier_bit().
Properties decode_properties(Cursor& in, std::uint32_t carrier);

// None in 3.1.1, which has no place for them.
inline Properties decode_properties(Cursor& in, std::uint32_t carrier, Version version) {
  return version == Version::v5 ? decode_properties(in, carrier) : Properties{};
}

// Fails with `reason` unless `topic` is a valid Topic Name.
void require_topic_name(Cursor& in, std::string_view topic, ReasonCode reason);

// It is a Protocol Error to include Authentication Data without Authentication Method
// [MQTT-3.1.2.11.10].
void require_authentication_method(Cursor& in, const Properties& properties);

}  // namespace protocol
