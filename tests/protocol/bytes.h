#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/protocol/decode.h"

namespace protocol::test {

// Bytes as one writes them on paper, by words: hexadecimal digits ("0004"), text in quotes
// ("'MQTT'"), a byte so many times ("78*125").
std::string bytes(std::string_view notation);

std::span<const std::uint8_t> as_span(std::string_view bytes);

// The way of bytes in the proxy: the frame, which must be all of `wire`, then the packet.
Result<Packet> read_packet(std::string_view wire, Version version);

std::string encoded(const Packet& packet, Version version);

}  // namespace protocol::test
