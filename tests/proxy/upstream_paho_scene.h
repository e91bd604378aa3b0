#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "proxy/upstream_paho.h"
#include "tests/support/mosquitto.h"
#include "tests/support/upstream_client.h"

namespace test {

// A broker with a link to it; `there` is false, and said so, where Mosquitto isn't installed.
struct MosquittoScene {
  explicit MosquittoScene(const std::string& lines = "allow_anonymous true\n")
      : broker(Mosquitto::start(lines)), there(broker != nullptr) {
    if (there) {
      proxy::UpstreamPahoOptions options;
      options.target.port = broker->port();
      upstream = proxy::make_upstream_paho(core, options);
    } else {
      MESSAGE("skipped: mosquitto is not installed or doesn't start");
    }
  }
  UpstreamClient client() { return UpstreamClient(core, *upstream); }

  boost::asio::io_context core;
  std::unique_ptr<Mosquitto> broker;
  bool there;
  std::unique_ptr<proxy::Upstream> upstream;
};

inline constexpr protocol::Version both_versions[] = {protocol::Version::v3_1_1,
                                                      protocol::Version::v5};

}  // namespace test
