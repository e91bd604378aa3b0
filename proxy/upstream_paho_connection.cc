#include "proxy/upstream_paho_connection.h"

#include <cstring>
#include <limits>
#include <utility>

#include "proxy/upstream_paho_convert.h"
#include "proxy/upstream_paho_flow.h"

namespace proxy {
namespace {

mqtt::create_options create_options(protocol::Version version) {
  // The bound is ours (upstream_paho_flow.h): Paho's would be an exception in the middle.
  return {static_cast<int>(version), std::numeric_limits<int>::max()};
}

}  // namespace

PahoConnection::PahoConnection(LinkId link, const std::string& uri,
                               const protocol::Connect& connect, HandOver& hand_over,
                               std::atomic<int>& inside_paho)
    : link_(link),
      hand_over_(hand_over),
      calls_(*this, connect.version, inside_paho),
      client_(std::make_unique<mqtt::async_client>(uri, connect.client_id,
                                                   create_options(connect.version))) {
  // Before connect only: on a connected client these lock in the wrong order.
  client_->set_connection_lost_handler([this](const std::string& why) { lost(why); });
  // The C++ message has no packet identifier.
  MQTTAsync_setMessageArrivedCallback(paho::handle_of(*client_), this, &arrived);
}

PahoConnection::~PahoConnection() {
  client_.reset();  // may still call back
}

void PahoConnection::connect(const protocol::Connect& connect) {
  calls_.count(1);
  client_->connect(paho::connect_options(connect), nullptr, *this);
}

void PahoConnection::send(const protocol::Packet& packet) {
  MQTTAsync client = paho::handle_of(*client_);
  if (const auto* p = std::get_if<protocol::Publish>(&packet)) {
    check(PahoCalls::publish(client, *p));
  } else if (const auto* subscribe = std::get_if<protocol::Subscribe>(&packet)) {
    check(calls_.subscribe(client, *subscribe, held_bytes(packet)));
  } else if (const auto* unsubscribe = std::get_if<protocol::Unsubscribe>(&packet)) {
    check(calls_.unsubscribe(client, *unsubscribe, held_bytes(packet)));
  }
}

// A call that fails at once: the connection is gone, or Paho can't carry this packet.
void PahoConnection::check(int return_code) {
  if (return_code == MQTTASYNC_SUCCESS) return;
  emit(Lost{mqtt::exception::error_str(return_code)});
}

void PahoConnection::settled(bool success) {
  if (connect_answered_.exchange(true)) return;  // Paho C++ tells of a success twice
  calls_.count(-1);
  emit(Connected{success ? this : nullptr});
  if (!success) emit(Ended{});
}

int PahoConnection::arrived(void* connection, char* topic, int topic_size,
                            MQTTAsync_message* message) {
  auto& self = *static_cast<PahoConnection*>(connection);
  const std::size_t size = topic_size > 0 ? static_cast<std::size_t>(topic_size) : strlen(topic);
  self.emit(paho::from_paho({topic, size}, *message));
  MQTTAsync_freeMessage(&message);
  MQTTAsync_free(topic);
  return 1;
}

void PahoConnection::lost(std::string why) {
  emit(Lost{std::move(why)});
  emit(Ended{});
}

}  // namespace proxy
