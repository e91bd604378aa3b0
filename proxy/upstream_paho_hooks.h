#pragma once

#include <cstdint>
#include <string>

// What Paho's sockets need and its interface doesn't offer. Our executable defines getaddrinfo()
// and connect(); the library calls both through its PLT, so it gets ours. Per client, under a host
// name that leads nowhere else (RFC 6761, .invalid):
//   no name look-up   Paho resolves under its global lock: here the address is known beforehand
//   TCP_NODELAY       without it a PUBACK followed by a PUBLISH waits 40 ms for a delayed ACK
//   a hand on the socket   Paho can't close without DISCONNECT, which would suppress the Will
// Calls for any other name or socket, Paho's or not, go straight to the C library.

namespace proxy::paho_hooks {

// Every function: any thread. `id` must be unique in the process and not in use.

// The host to put into the client's URI; it leads to `address` (numeric, IPv4 or IPv6).
std::string add(std::uint64_t id, std::string address);

// The same, but the connection is made to whoever holds the other end of `socket` (taken over).
std::string add_line(std::uint64_t id, int socket);

// Ends the connection as a broken network would, also one still to be made.
void cut(std::uint64_t id);

// After the client's end: lets go of its socket. The host leads nowhere from here on.
void remove(std::uint64_t id);

}  // namespace proxy::paho_hooks
