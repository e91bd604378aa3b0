#pragma once

#include <mqtt/async_client.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "proxy/protocol/packets.h"
#include "proxy/upstream_paho_calls.h"
#include "proxy/upstream_paho_events.h"

namespace proxy {

// One mqtt::async_client, for one CONNECT. Made and destroyed on the uplink thread, sent to by the
// core. Its news goes to the core.
class PahoConnection final : public virtual mqtt::iaction_listener {
 public:
  // `inside_paho` counts calls to Paho that are not done, of all connections, but for PUBLISH.
  PahoConnection(LinkId link, const std::string& uri, const protocol::Connect& connect,
                 HandOver& hand_over, std::atomic<int>& inside_paho);
  ~PahoConnection() override;

  void connect(const protocol::Connect& connect);
  // PUBLISH, SUBSCRIBE, UNSUBSCRIBE. Waits for a lock that Paho's threads hold while they handle a
  // packet: microseconds, since all their input and output is memory.
  void send(const protocol::Packet& packet);

  // A call is done; from Paho's threads.
  void done(std::size_t bytes) { emit(Done{1, bytes}); }

 private:
  template <class What>
  void emit(What&& what) {
    hand_over_.push({link_, std::forward<What>(what)});
  }
  void check(int return_code);

  // CONNECT.
  void on_success(const mqtt::token& /*token*/) override { settled(true); }
  void on_failure(const mqtt::token& /*token*/) override { settled(false); }
  void settled(bool success);

  static int arrived(void* connection, char* topic, int topic_size, MQTTAsync_message* message);
  void lost(std::string why);

  const LinkId link_;
  HandOver& hand_over_;
  PahoCalls calls_;
  std::atomic<bool> connect_answered_{false};
  std::unique_ptr<mqtt::async_client> client_;
};

}  // namespace proxy
