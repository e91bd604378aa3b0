#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/protocol/packets.h"

namespace protocol::test {

struct Sample {
  std::string_view name;  // also the file name in the fuzzers' corpus
  Version version;
  std::string_view wire;  // in the notation of bytes.h, worked by hand from the specification
  Packet packet;
};

// Every packet in both versions, with every property, in the form that we send.
const std::vector<Sample>& packet_table();

// Longer forms that a peer may send of packets that we write shorter.
const std::vector<Sample>& long_forms();

}  // namespace protocol::test
