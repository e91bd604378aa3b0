#pragma once

#include <cstddef>
#include <string>

#include "proxy/protocol/packets.h"

// Packets to bytes, appended to `out`. What 3.1.1 has no place for (properties, reason codes) is
// left out of 3.1.1 packets. The packet must be valid: lengths within 65,535, at most 268,435,455
// bytes in all (INVARIANT).

namespace protocol {

void encode(const Packet& packet, Version version, std::string& out);

// The PUBLISH up to its payload: for payloads that are shared and sent from where they are.
// `publish.payload` is not looked at.
void encode_publish_head(const Publish& publish, std::size_t payload_size, Version version,
                         std::string& out);

// The size of the whole packet on the wire, to compare with Maximum Packet Size.
std::size_t publish_size(const Publish& publish, std::size_t payload_size, Version version);

}  // namespace protocol
