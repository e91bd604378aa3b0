#pragma once

#include <string_view>

#include "proxy/protocol/framing.h"
#include "proxy/protocol/packets.h"

namespace proxy {

class Session;

// The two switches: a control packet to its handler (README.md has the table).
void on_client_packet(Session& session, protocol::Packet&& packet);
void on_broker_packet(Session& session, protocol::Packet&& packet);

// Bytes that are no packet: answered as the specification says, then the session ends.
void on_bad_packet(Session& session, const protocol::DecodeError& error);

// At level trace.
void log_packet(const Session& session, std::string_view direction, const protocol::Packet& packet);

}  // namespace proxy
