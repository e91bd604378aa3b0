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
  // Paho is through with the connection: destroy it. May come more than once.
  virtual void ended(LinkId link) = 0;

 protected:
  ~ConnectionSink() = default;
};

// One mqtt::async_client, for one CONNECT. Made, called and destroyed on the uplink thread;
// destroyed only after ended() or a time-out, because destroying drops what is still queued.
class PahoConnection final : public virtual mqtt::iaction_listener {
 public:
  // `inside_paho` counts calls to Paho that are not done, of all connections, but for PUBLISH.
  PahoConnection(LinkId link, const std::string& uri, const protocol::Connect& connect,
                 ConnectionSink& sink, std::atomic<int>& inside_paho);
  ~PahoConnection() override;

  void connect(const protocol::Connect& connect);
  // PUBLISH, SUBSCRIBE, UNSUBSCRIBE.
  void send(const protocol::Packet& packet);

  // A call is done; from Paho's threads.
  void done(std::size_t bytes) { sink_.emit({link_, Done{1, bytes}}); }

 private:
  void check(int return_code);

  // CONNECT.
  void on_success(const mqtt::token& /*token*/) override { settled(true); }
  void on_failure(const mqtt::token& /*token*/) override { settled(false); }
  void settled(bool success);

  static int arrived(void* connection, char* topic, int topic_size, MQTTAsync_message* message);
  void lost(std::string why);
  void told_to_disconnect(const mqtt::properties& properties, mqtt::ReasonCode reason);

  const LinkId link_;
  ConnectionSink& sink_;
  PahoCalls calls_;
  std::atomic<bool> connect_answered_{false};
  std::unique_ptr<mqtt::async_client> client_;
};

}  // namespace proxy
