#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dispatch/result.h"

// Where somebody listens or is found, as a URL: mqtt://HOST:PORT, http://HOST:PORT,
// http+unix:///PATH; a broker also by mqtts://HOST:PORT, ws://HOST:PORT/PATH or wss://. Schemes
// that Sluice doesn't speak yet are refused by name.

namespace proxy {

struct Endpoint {
  std::string scheme;
  std::string host;        // literal address or name, IPv6 without brackets; empty for unix
  std::uint16_t port = 0;  // 0 for a listener: any free one
  std::string path;        // of a unix socket or a websocket, absolute

  bool is_unix() const { return scheme == "http+unix"; }
  bool is_websocket() const { return scheme == "ws" || scheme == "wss"; }
  bool is_tls() const { return scheme == "mqtts" || scheme == "wss"; }
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// What an endpoint is for: which schemes it takes, and whether port 0 means something.
enum class Role { mqtt_listener, mqtt_peer, admin_listener, admin_peer };

// A port left out is 1883 for mqtt, 8883 for mqtts, 80 for ws, 443 for wss and 8480 for http; the
// path of a websocket is /mqtt. Errors name the text and the form that is taken.
dispatch::Result<Endpoint> parse_endpoint(std::string_view text);
dispatch::Result<Endpoint> parse_endpoint(std::string_view text, Role role);

// The URL again, with its port; parse_endpoint() gives the same endpoint back.
std::string to_text(const Endpoint& endpoint);
// HOST:PORT, or the path of a unix socket: for messages and the Host header.
std::string authority(const Endpoint& endpoint);

// True if only this machine can reach it: a unix socket, 127.0.0.0/8, ::1 or localhost.
bool is_local(const Endpoint& endpoint);

}  // namespace proxy
