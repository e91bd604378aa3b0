#pragma once

#include <cstdint>
#include <span>

#include "proxy/protocol/framing.h"
#include "proxy/protocol/packets.h"

// Bytes to packets. Every rule of the specification that concerns one packet alone is checked:
// flags, lengths, UTF-8 (no U+0000, no surrogates, [MQTT-1.5.4]), property types, where they stand,
// how often and in which range, topic names and filters, packet identifiers, reason codes.
//
// A decoded packet owns its strings. Thousands of empty properties or filters take up to fifty
// times their bytes while they are decoded, so the limit for packets of strangers should be a low
// one.

namespace protocol {

// Decodes one frame in the version that CONNECT agreed on. A CONNECT says its version itself; one
// of another level than 4 and 5 is the error unsupported_protocol_version.
Result<Packet> decode(std::uint8_t first_byte, std::span<const std::uint8_t> body, Version version);

// The version in which to answer a CONNECT that can't be decoded: 5.0 from level 5 on, else 3.1.1.
Version connect_version(std::span<const std::uint8_t> body);

// The rules that hold only for packets from a client: no packet that only servers send, no
// Subscription Identifier in PUBLISH [MQTT-3.3.4-6], no Server Reference in DISCONNECT, no AUTH
// with Success. All of them are 0x82.
Result<void> check_from_client(const Packet& packet);

}  // namespace protocol
