#pragma once

#include <chrono>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include "proxy/broker_stream.h"
#include "proxy/upstream.h"

namespace proxy {

struct UpstreamPahoOptions {
  BrokerTarget target{false, false, "127.0.0.1", 1883, "/mqtt", "127.0.0.1"};
  std::shared_ptr<boost::asio::ssl::context> tls;  // if the target wants it
  std::chrono::milliseconds connect_timeout{10'000};
};

// One mqtt::async_client per downstream session, which believes that it talks to the broker
// (docs/decisions/0002-paho-link.md): its bytes go through memory to `core`, where the connection
// to the broker is, and the events are performed. `core` must outlive the Upstream, and the
// Upstream must outlive its links; let it get idle() before its end, so that everything is sent.
// One per process: Paho's threads and our hooks are global.
std::unique_ptr<Upstream> make_upstream_paho(boost::asio::io_context& core,
                                             const UpstreamPahoOptions& options);

}  // namespace proxy
