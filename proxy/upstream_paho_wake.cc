#include "proxy/upstream_paho_wake.h"

#include <mqtt/async_client.h>

#include <chrono>
#include <string>
#include <string_view>

#include "dispatch/invariant.h"
#include "proxy/upstream_paho_convert.h"
#include "proxy/upstream_paho_events.h"
#include "proxy/upstream_paho_hooks.h"
#include "proxy/upstream_paho_pipe.h"

namespace proxy {
namespace {

constexpr std::string_view connack{"\x20\x02\x00\x00", 4};
constexpr std::string_view pingresp{"\xD0\x00", 2};

}  // namespace

PahoWakeLine& PahoWakeLine::instance() {
  static auto* const line = new PahoWakeLine;
  return *line;
}

PahoWakeLine::PahoWakeLine() {
  paho_hooks::require();
  pipe_ = std::make_shared<PahoPipe>([this] {
    if (pipe_->take().starts_with('\x10')) pipe_->feed(connack);
  });
  const auto host = PahoPipes::instance().add(new_link_id(), pipe_);
  PahoPipes::instance().set_bell(pipe_, std::string(pingresp));
  client_ = std::make_unique<mqtt::async_client>("tcp://" + host + ":1", "sluice-wake-line",
                                                 mqtt::create_options(MQTTVERSION_3_1_1, 1'000));
  mqtt::connect_options options;
  options.set_mqtt_version(MQTTVERSION_3_1_1);
  options.set_keep_alive_interval(0);
  options.set_clean_session(true);
  const auto connected = client_->connect(options);
  INVARIANT(connected->wait_for(std::chrono::seconds(5)),
            "Paho calls the socket functions of this executable");
}

void PahoWakeLine::wake_sender() {
  MQTTAsync_message message = MQTTAsync_message_initializer;
  message.payload = const_cast<char*>("");
  // If it fails there is a command in Paho's list already, which will do.
  MQTTAsync_sendMessage(paho::handle_of(*client_), "w", &message, nullptr);
}

}  // namespace proxy
