#include "proxy/upstream_paho_wake.h"

#include <mqtt/async_client.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>

#include "dispatch/invariant.h"
#include "proxy/upstream_paho_convert.h"
#include "proxy/upstream_paho_events.h"
#include "proxy/upstream_paho_hooks.h"

namespace proxy {
namespace {

constexpr std::array<unsigned char, 4> connack{0x20, 0x02, 0x00, 0x00};
constexpr std::array<unsigned char, 2> pingresp{0xD0, 0x00};

template <std::size_t Size>
void write_now(int socket, const std::array<unsigned char, Size>& bytes) {
  // A full line needs no more bytes: the receive thread has a reason to wake up already.
  [[maybe_unused]] const auto sent =
      send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void read_all(int socket) {
  std::array<char, 4096> bytes;
  while (recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) continue;
}

}  // namespace

PahoWakeLine& PahoWakeLine::instance() {
  static auto* const line = new PahoWakeLine;
  return *line;
}

PahoWakeLine::PahoWakeLine() {
  std::array<int, 2> ends{};
  const int made = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data());
  INVARIANT(made == 0, "a socket pair can be had at start");
  our_end_ = ends[0];
  const std::string host = paho_hooks::add_line(new_link_id(), ends[1]);
  client_ = std::make_unique<mqtt::async_client>("tcp://" + host + ":1", "sluice-wake-line",
                                                 mqtt::create_options(MQTTVERSION_3_1_1, 1'000));
  mqtt::connect_options options;
  options.set_mqtt_version(MQTTVERSION_3_1_1);
  options.set_keep_alive_interval(0);
  options.set_clean_session(true);
  const auto connected = client_->connect(options);
  pollfd readable{our_end_, POLLIN, 0};
  INVARIANT(poll(&readable, 1, 5'000) == 1,
            "Paho calls the getaddrinfo() and connect() of this executable");
  write_now(our_end_, connack);
  INVARIANT(connected->wait_for(std::chrono::seconds(5)), "Paho takes our CONNACK");
}

void PahoWakeLine::wake_receiver() {
  read_all(our_end_);
  write_now(our_end_, pingresp);
}

void PahoWakeLine::wake_sender() {
  MQTTAsync_message message = MQTTAsync_message_initializer;
  message.payload = const_cast<char*>("");
  // If it fails there is a command in Paho's list already, which will do.
  MQTTAsync_sendMessage(paho::handle_of(*client_), "w", &message, nullptr);
}

}  // namespace proxy
