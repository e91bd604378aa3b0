#pragma once

#include <string>

#include "proxy/protocol/packets.h"

namespace protocol {

// One line for logs and tests: `PUBLISH q1 id=7 topic=images/a 12 bytes`. Never the payload, never
// a password.
std::string to_text(const Packet& packet);

}  // namespace protocol
