#include "proxy/upstream_paho_connection.h"

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
                               const protocol::Connect& connect, std::shared_ptr<Inflow> inflow,
                               ConnectionSink& sink, std::atomic<int>& inside_paho)
    : link_(link),
      version_(connect.version),
      inflow_(std::move(inflow)),
      sink_(sink),
      calls_(*this, inside_paho),
      client_(std::make_unique<mqtt::async_client>(uri, connect.client_id,
                                                   create_options(connect.version))) {
  // Before connect only: on a connected client these lock in the wrong order.
  client_->set_message_callback([this](mqtt::const_message_ptr message) { arrived(*message); });
  client_->set_connection_lost_handler([this](const std::string& why) { lost(why); });
  client_->set_disconnected_handler(
      [this](const mqtt::properties& properties, mqtt::ReasonCode reason) {
        told_to_disconnect(properties, reason);
      });
}

PahoConnection::~PahoConnection() {
  client_.reset();  // may still call back
}

void PahoConnection::connect(const protocol::Connect& connect, std::uint16_t keep_alive_s) {
  calls_.count(1);
  client_->connect(paho::connect_options(connect, keep_alive_s), nullptr, *this);
}

void PahoConnection::send(const protocol::Packet& packet) {
  if (const auto* p = std::get_if<protocol::Publish>(&packet)) publish(*p);
  if (const auto* p = std::get_if<protocol::Subscribe>(&packet)) subscribe(*p);
  if (const auto* p = std::get_if<protocol::Unsubscribe>(&packet)) unsubscribe(*p);
  if (const auto* p = std::get_if<protocol::Disconnect>(&packet)) disconnect(*p);
}

// A call that fails at once: the connection is gone, or Paho can't carry this packet.
void PahoConnection::check(int return_code) {
  if (return_code != MQTTASYNC_SUCCESS) fail(mqtt::exception::error_str(return_code));
}

void PahoConnection::publish(const protocol::Publish& publish) {
  check(calls_.publish(paho::handle_of(*client_), publish, version_));
}

void PahoConnection::subscribe(const protocol::Subscribe& subscribe) {
  check(calls_.subscribe(paho::handle_of(*client_), subscribe, version_));
}

void PahoConnection::unsubscribe(const protocol::Unsubscribe& unsubscribe) {
  check(calls_.unsubscribe(paho::handle_of(*client_), unsubscribe, version_));
}

void PahoConnection::disconnect(const protocol::Disconnect& disconnect) {
  calls_.count(1);
  try {
    const auto token = client_->disconnect(paho::disconnect_options(disconnect));
    // The call with options takes no listener: it may be through before it gets one.
    token->set_action_callback(*this);
    if (token->is_complete()) sink_.ended(link_);
  } catch (const mqtt::exception& error) {
    fail(error.what());
  }
}

void PahoConnection::settled(const mqtt::token& token, bool success) {
  if (token.get_type() == mqtt::token::CONNECT) return connect_settled(token, success);
  sink_.ended(link_);
}

void PahoConnection::connect_settled(const mqtt::token& token, bool success) {
  if (connect_answered_.exchange(true)) return;  // Paho C++ tells of a success twice
  calls_.count(-1);
  auto connack = success ? paho::connack(token) : paho::refusal(token, version_);
  const auto server_keep_alive =
      connack.properties.number(protocol::PropertyId::server_keep_alive).value_or(0);
  sink_.emit({link_, std::move(connack)});
  sink_.connect_answered(link_, static_cast<std::uint16_t>(server_keep_alive));
  if (!success) sink_.ended(link_);
}

void PahoConnection::published(protocol::QoS qos, protocol::PacketId packet_id,
                               protocol::ReasonCode reason, protocol::Properties&& properties) {
  sink_.emit({link_, PublishDone{qos, packet_id, reason, std::move(properties)}});
}

void PahoConnection::arrived(const mqtt::message& message) {
  auto publish = paho::from_paho(message);
  if (inflow_->bytes.fetch_add(held_bytes(publish)) > Inflow::limit_bytes) {
    return fail("the client takes messages more slowly than the broker sends them");
  }
  sink_.emit({link_, std::move(publish)});
}

void PahoConnection::lost(std::string why) {
  sink_.emit({link_, Lost{std::move(why)}});
  sink_.ended(link_);
}

void PahoConnection::fail(std::string why) {
  sink_.emit({link_, Lost{std::move(why)}});
  sink_.condemn(link_);
}

void PahoConnection::told_to_disconnect(const mqtt::properties& properties,
                                        mqtt::ReasonCode reason) {
  protocol::Disconnect disconnect;
  disconnect.reason = static_cast<protocol::ReasonCode>(reason);
  disconnect.properties = paho::from_paho(properties.c_struct());
  sink_.emit({link_, std::move(disconnect)});
  sink_.ended(link_);  // Paho closes the socket itself, and says no more
}

}  // namespace proxy
