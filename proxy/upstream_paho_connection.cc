#include "proxy/upstream_paho_connection.h"

#include <limits>
#include <utility>

#include "proxy/upstream_paho_convert.h"
#include "proxy/upstream_paho_flow.h"

namespace proxy {
namespace {

// What an answer needs to know travels as the token's user context: the packet identifier in the
// low 16 bits, above it the QoS or the number of filters.
void* pack(protocol::PacketId packet_id, std::size_t detail) {
  return reinterpret_cast<void*>((detail << 16) | packet_id);
}
protocol::PacketId packet_id_of(const mqtt::token& token) {
  return static_cast<protocol::PacketId>(
      reinterpret_cast<std::uintptr_t>(token.get_user_context()));
}
std::size_t detail_of(const mqtt::token& token) {
  return reinterpret_cast<std::uintptr_t>(token.get_user_context()) >> 16;
}

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
      inside_paho_(inside_paho),
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
  inside_paho_ -= begun_;
}

void PahoConnection::connect(const protocol::Connect& connect, std::uint16_t keep_alive_s) {
  void* const context = begin(0, 0);
  client_->connect(paho::connect_options(connect, keep_alive_s), context, *this);
}

void PahoConnection::send(const protocol::Packet& packet) {
  try {
    if (const auto* p = std::get_if<protocol::Publish>(&packet)) publish(*p);
    if (const auto* p = std::get_if<protocol::Subscribe>(&packet)) subscribe(*p);
    if (const auto* p = std::get_if<protocol::Unsubscribe>(&packet)) unsubscribe(*p);
    if (const auto* p = std::get_if<protocol::Disconnect>(&packet)) disconnect(*p);
  } catch (const mqtt::exception& error) {
    finish();
    fail(error.what());  // the connection is gone, or Paho can't carry this packet
  }
}

void PahoConnection::publish(const protocol::Publish& publish) {
  const auto message = paho::to_paho(publish);
  client_->publish(message, begin(publish.packet_id, static_cast<std::size_t>(publish.qos)), *this);
}

void PahoConnection::subscribe(const protocol::Subscribe& subscribe) {
  const auto& subscriptions = subscribe.subscriptions;
  void* const context = begin(subscribe.packet_id, subscriptions.size());
  const auto properties = paho::to_paho(subscribe.properties);
  if (subscriptions.size() == 1) {  // the call for several forgets the options of a single one
    const auto& only = subscriptions.front();
    client_->subscribe(only.filter, static_cast<int>(only.qos), context, *this,
                       paho::subscribe_options(only), properties);
    return;
  }
  const auto filters = std::make_shared<mqtt::string_collection>();
  mqtt::iasync_client::qos_collection qos;
  std::vector<mqtt::subscribe_options> options;
  for (const auto& subscription : subscriptions) {
    filters->push_back(subscription.filter);
    qos.push_back(static_cast<int>(subscription.qos));
    options.push_back(paho::subscribe_options(subscription));
  }
  client_->subscribe(filters, qos, context, *this, options, properties);
}

void PahoConnection::unsubscribe(const protocol::Unsubscribe& unsubscribe) {
  const auto filters = std::make_shared<mqtt::string_collection>();
  for (const auto& filter : unsubscribe.filters) filters->push_back(filter);
  client_->unsubscribe(filters, begin(unsubscribe.packet_id, unsubscribe.filters.size()), *this,
                       paho::to_paho(unsubscribe.properties));
}

void PahoConnection::disconnect(const protocol::Disconnect& disconnect) {
  begin(0, 0);
  const auto token = client_->disconnect(paho::disconnect_options(disconnect));
  // The call with options takes no listener: it may be through before it gets one.
  token->set_action_callback(*this);
  if (token->is_complete()) sink_.ended(link_);
}

void* PahoConnection::begin(protocol::PacketId packet_id, std::size_t detail) {
  ++begun_;
  ++inside_paho_;
  return pack(packet_id, detail);
}

void PahoConnection::finish() {
  --begun_;
  --inside_paho_;
}

void PahoConnection::on_success(const mqtt::token& token) { settled(token, true); }
void PahoConnection::on_failure(const mqtt::token& token) { settled(token, false); }

void PahoConnection::settled(const mqtt::token& token, bool success) {
  switch (token.get_type()) {
    case mqtt::token::CONNECT:
      return connect_settled(token, success);
    case mqtt::token::PUBLISH:
      return publish_settled(token, success);
    case mqtt::token::SUBSCRIBE: {
      finish();
      auto suback = paho::suback(token, detail_of(token));
      suback.packet_id = packet_id_of(token);
      return sink_.emit({link_, std::move(suback)});
    }
    case mqtt::token::UNSUBSCRIBE: {
      finish();
      const bool has_reasons = version_ == protocol::Version::v5;
      auto unsuback = paho::unsuback(token, detail_of(token), has_reasons);
      unsuback.packet_id = packet_id_of(token);
      return sink_.emit({link_, std::move(unsuback)});
    }
    case mqtt::token::DISCONNECT:
      finish();
      return sink_.ended(link_);
  }
}

void PahoConnection::connect_settled(const mqtt::token& token, bool success) {
  if (connect_answered_.exchange(true)) return;  // Paho C++ tells of a success twice
  finish();
  auto connack = success ? paho::connack(token) : paho::refusal(token, version_);
  const auto server_keep_alive =
      connack.properties.number(protocol::PropertyId::server_keep_alive).value_or(0);
  sink_.emit({link_, std::move(connack)});
  sink_.connect_answered(link_, static_cast<std::uint16_t>(server_keep_alive));
  if (!success) sink_.ended(link_);
}

void PahoConnection::publish_settled(const mqtt::token& token, bool success) {
  finish();
  PublishDone done;
  done.qos = static_cast<protocol::QoS>(detail_of(token));
  done.packet_id = packet_id_of(token);
  if (!success) {
    const auto reason = token.get_reason_code();
    // Anything else is Paho's own error: the connection is on its way out, and nobody answered.
    if (reason < mqtt::ReasonCode::UNSPECIFIED_ERROR || reason > 0xFF) return;
    done.reason = static_cast<protocol::ReasonCode>(reason);
  }
  sink_.emit({link_, done});
}

void PahoConnection::arrived(const mqtt::message& message) {
  auto publish = paho::from_paho(message);
  const std::size_t size = held_bytes(publish);
  if (inflow_->bytes.fetch_add(size) + size > Inflow::limit_bytes) {
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
  disconnect.properties = paho::from_paho(properties);
  sink_.emit({link_, std::move(disconnect)});
  sink_.condemn(link_);
}

}  // namespace proxy
