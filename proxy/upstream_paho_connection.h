#pragma once

#include <mqtt/async_client.h>

#include <atomic>
#include <memory>
#include <string>

#include "proxy/protocol/packets.h"
#include "proxy/upstream_paho_calls.h"
#include "proxy/upstream_paho_events.h"

namespace proxy {

// Where a connection's news goes. Called on Paho's threads with Paho's locks held: must not block,
// throw or call Paho.
class ConnectionSink {
 public:
  virtual void emit(Event&& event) = 0;  // to the core
  // The CONNECT is answered; Server Keep Alive if the broker set one, else 0.
  virtual void connect_answered(LinkId link, std::uint16_t server_keep_alive_s) = 0;
  // Paho is through with the connection: destroy it. May come more than once.
  virtual void ended(LinkId link) = 0;
  // We can't go on with it: cut it.
  virtual void condemn(LinkId link) = 0;

 protected:
  ~ConnectionSink() = default;
};

// One mqtt::async_client, for one CONNECT. Made, called and destroyed on the uplink thread;
// destroyed only after ended() or a time-out, because destroying drops what is still queued.
class PahoConnection final : public virtual mqtt::iaction_listener {
 public:
  // `inside_paho` counts calls to Paho that are not answered, of all connections.
  PahoConnection(LinkId link, const std::string& uri, const protocol::Connect& connect,
                 std::shared_ptr<Inflow> inflow, ConnectionSink& sink,
                 std::atomic<int>& inside_paho);
  ~PahoConnection() override;

  void connect(const protocol::Connect& connect, std::uint16_t keep_alive_s);
  // PUBLISH, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT.
  void send(const protocol::Packet& packet);

  // Answers to calls, from Paho's threads.
  void published(protocol::QoS qos, protocol::PacketId packet_id, protocol::ReasonCode reason,
                 protocol::Properties&& properties);
  void emit(protocol::Packet&& packet) { sink_.emit({link_, std::move(packet)}); }

 private:
  void publish(const protocol::Publish& publish);
  void subscribe(const protocol::Subscribe& subscribe);
  void unsubscribe(const protocol::Unsubscribe& unsubscribe);
  void disconnect(const protocol::Disconnect& disconnect);
  void check(int return_code);

  // CONNECT and DISCONNECT.
  void on_success(const mqtt::token& token) override { settled(token, true); }
  void on_failure(const mqtt::token& token) override { settled(token, false); }
  void settled(const mqtt::token& token, bool success);
  void connect_settled(const mqtt::token& token, bool success);

  void arrived(const mqtt::message& message);
  void lost(std::string why);  // Paho says so
  void fail(std::string why);  // we say so
  void told_to_disconnect(const mqtt::properties& properties, mqtt::ReasonCode reason);

  const LinkId link_;
  const protocol::Version version_;
  const std::shared_ptr<Inflow> inflow_;
  ConnectionSink& sink_;
  PahoCalls calls_;
  std::atomic<bool> connect_answered_{false};
  std::unique_ptr<mqtt::async_client> client_;
};

}  // namespace proxy
