#pragma once

#include <string>
#include <string_view>

#include "proxy/protocol/packets.h"

namespace protocol {

// One line for logs and tests: `PUBLISH q1 id=7 topic=images/a 12 bytes`. Never the payload, never
// a password; long lists are cut.
std::string to_text(const Packet& packet);

// Text that a peer chose, fit for a log line and a Reason String: at most 100 bytes of it, cut
// between characters, and with control characters as \x0a.
std::string printable(std::string_view text);

}  // namespace protocol
