#pragma once

#include <random>

#include "proxy/protocol/packets.h"

namespace protocol::test {

using Random = std::mt19937_64;

// 0..limit, small values more often than large ones.
std::size_t random_size(Random& random, std::size_t limit);

// A valid packet of any type the version has, with any of its properties.
Packet random_packet(Random& random, Version version);

}  // namespace protocol::test
