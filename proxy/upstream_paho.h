#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "proxy/upstream.h"

namespace proxy {

struct UpstreamPahoOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  std::chrono::milliseconds connect_timeout{10'000};
};

// One mqtt::async_client per downstream session, under all the work-arounds that the library needs
// (docs/decisions/0002-paho-link.md). `core` is where events are performed; it must outlive the
// Upstream, and the Upstream must outlive its links. Destroying it waits, bounded (2 s), for
// disconnects that are under way. One per process: Paho's threads and our socket hooks are global.
std::unique_ptr<Upstream> make_upstream_paho(boost::asio::io_context& core,
                                             const UpstreamPahoOptions& options);

}  // namespace proxy
