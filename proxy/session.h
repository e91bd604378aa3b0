#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/config.h"
#include "proxy/out_buffer.h"
#include "proxy/protocol/framing.h"
#include "proxy/protocol/packets.h"
#include "proxy/queue_service.h"
#include "proxy/session_registry.h"
#include "proxy/session_state.h"
#include "proxy/upstream.h"
#include "proxy/wills.h"

namespace proxy {

// Counted since start, for metrics.
struct Traffic {
  std::uint64_t accepted = 0;  // connections
  std::uint64_t refused = 0;
  std::uint64_t publishes_from_clients = 0;
  std::uint64_t publishes_from_broker = 0;
  std::uint64_t publishes_denied = 0;  // by [[acl]], Wills included
  std::size_t held = 0;                // now: sessions that go on without the broker
};

// What every session works with; all of it outlives the sessions.
struct SessionContext {
  boost::asio::io_context& core;
  const ServeConfig& config;
  QueueService& queues;
  Upstream& upstream;
  SessionRegistry& registry;
  Wills& wills;
  UpstreamHealth& upstream_health;
  Traffic& traffic;
  std::vector<std::uint8_t>& read_buffer;  // for one call of read_some() at a time
};

// What CONNECT and CONNACK agreed on.
struct Connection {
  protocol::Version version = protocol::Version::v5;
  std::string client_id;
  std::string username;
  bool clean_start = true;
  std::uint16_t keep_alive_s = 0;
  std::uint32_t session_expiry_s = 0;                               // 0xFFFFFFFF: never
  std::uint16_t receive_maximum = 65535;                            // of the client
  std::uint32_t max_packet_bytes = protocol::largest_packet_bytes;  // of the client
  std::uint16_t topic_alias_maximum = 0;                            // of ours, as CONNACK said
  bool problem_information = true;  // the client wants Reason Strings [MQTT-3.1.2-29]
  std::unordered_map<std::uint16_t, std::string> topic_aliases;  // of the client
  bool produces = false;                                         // it has published to a queue
  // The Will, if its topic belongs to a queue; nothing once it is off.
  std::optional<protocol::Will> queue_will;
};

// The aliases that a client may use towards us at most [MQTT-3.2.2.3.8].
inline constexpr std::uint16_t kTopicAliasMaximum = 64;

// One network connection of a client and its link to the broker. The read loop and the writes are
// here; what a packet means is in handlers/, reached through the switch in on_packet.cc.
class Session final : public UpstreamEvents,
                      public QueueClient,
                      public std::enable_shared_from_this<Session> {
 public:
  enum class Phase { expecting_connect, connecting, open, ended };

  Session(const SessionContext& context, boost::asio::ip::tcp::socket socket);
  ~Session();
  // Starts reading. The session then keeps itself alive until it has ended.
  void start();

  // --- For handlers and for the server. No call here destroys the session.

  Phase phase() const { return phase_; }
  bool v5() const { return connection_.version == protocol::Version::v5; }
  Connection& connection() { return connection_; }
  SessionState& state() { return *state_; }
  const SessionContext& context() const { return context_; }
  // True for a topic filter that means a queue, and not something at the broker.
  bool means_queue(std::string_view filter) const {
    return dispatch::is_queue_topic(filter) ||
           (context_.config.emqx_prefix && dispatch::is_emqx_queue_topic(filter));
  }
  QueueService& queues() const { return context_.queues; }
  dispatch::SessionId queue_session() const { return queue_session_; }
  UpstreamLink& link() { return *link_; }
  const std::string& peer() const { return peer_; }
  const std::string& client_id() const { return connection_.client_id; }
  Who who() const { return {connection_.username, connection_.client_id}; }
  std::chrono::steady_clock::time_point last_read() const { return last_read_; }

  // Encodes a packet behind what is to be sent. Sent before the event loop turns to other things.
  void send(const protocol::Packet& packet);
  // A PUBLISH whose payload is the message's; `publish.payload` is not looked at.
  void send(const protocol::Publish& publish, const dispatch::MessageRef& message);
  std::size_t outbound_bytes() const { return out_.size() + writing_.size(); }
  // To be settled when what was sent so far is written to the socket.
  void settle_when_written(const dispatch::Deliver& delivery);

  // CONNECT arrived: opens the link. / CONNACK was sent: the session is open.
  void open_link(protocol::Connect&& connect);
  void opened(std::unique_ptr<SessionState> state);
  // One publish of QoS 1 or 2 of the client is under way, or was answered.
  void publish_begun() { ++publishes_open_; }
  void publish_answered();

  // Ends the session from this side: DISCONNECT with the reason (5.0 only, once open), then close.
  // The Will fires.
  void end(protocol::ReasonCode reason, const std::string& why);
  // Ends it because the peer did: `how`: orderly after a DISCONNECT, lost otherwise.
  void ended_by_client(dispatch::Leave how, const std::string& why);
  // As end(), from inside a callback of the queue service.
  void end_soon(protocol::ReasonCode reason, const std::string& why);
  // At the end of the server: closes the socket, whatever was still to be sent.
  void abandon() { close_socket(); }
  // A CONNACK that refuses is on its way: close behind it.
  void refused(const std::string& why);
  // The `$q/` subscriptions are others: a session that outlives its connection has them recorded,
  // and `then` is done after that, if the session is still open.
  void record_subscriptions(std::function<void()> then);
  // The broker ended it with a DISCONNECT, which is the client's to see.
  void ended_by_broker(const protocol::Disconnect& disconnect);

  // False while the client holds as many unacknowledged messages as its Receive Maximum allows.
  bool has_room() const { return state_->in_flight() < connection_.receive_maximum; }
  // Deliveries are kept back until a SUBACK is sent, or there is room.
  void hold_deliveries() { ++holding_; }
  void release_deliveries();
  void deliver_held();
  // A delivery was dropped on its way. From inside a callback of the queue service.
  void free_slot_soon();

  // --- SUBSCRIBE and UNSUBSCRIBE of which a part waits for the broker, and PUBLISH to be copied,
  // --- by packet identifier. Used by their handlers only. A client may be wrong and use an
  // --- identifier twice at once: first come, first answered.
  std::multimap<protocol::PacketId, protocol::Subscribe> subscribing;
  std::multimap<protocol::PacketId, protocol::Unsubscribe> unsubscribing;
  std::unordered_map<protocol::PacketId, dispatch::MessageRef> copying;

 private:
  boost::asio::awaitable<void> read_loop();
  bool may_read() const;
  boost::system::error_code read_some();
  void consume_kept();
  std::size_t consume(std::span<const std::uint8_t> bytes);
  std::size_t read_limit() const;
  void open_gate();
  void flush();
  void request_flush();
  void written(const boost::system::error_code& error);
  void settle_written();
  void set_writable_soon(bool writable);
  void leave(dispatch::Leave how);
  void keep_state();
  void put_record(std::optional<dispatch::Time> ended_at, std::function<void()> done = {});
  void forget_record(std::function<void()> done = {});
  void leave_will();
  void close_socket();
  void arm_timer(std::chrono::milliseconds time);
  void on_timer();

  void on_upstream(protocol::Packet&& packet) override;
  void on_upstream_lost(const std::string& why) override;
  void on_upstream_ready() override { open_gate(); }
  bool can_do_without_broker() const override;
  void on_delivery(dispatch::Deliver&& delivery) override;
  void on_stored(protocol::PacketId packet_id) override;
  void on_store_failed(protocol::PacketId packet_id, const dispatch::Error& why) override;
  void on_consumers_lost() override;
  void resubscribe() override;
  void on_queues_ready() override { open_gate(); }
  bool may_consume(std::string_view queue) const override {
    return context_.config.acl.allows(who(), queue, Action::consume);
  }

  const SessionContext& context_;
  boost::asio::ip::tcp::socket socket_;
  const std::string peer_;
  Phase phase_ = Phase::expecting_connect;
  Connection connection_;
  std::string asked_client_id_;
  std::unique_ptr<SessionState> state_ = std::make_unique<SessionState>();
  std::unique_ptr<UpstreamLink> link_;
  dispatch::SessionId queue_session_{};

  // Reading: what has come and was not handled yet. The gate holds the loop back.
  std::vector<std::uint8_t> in_;
  boost::asio::steady_timer gate_;
  std::uint32_t publishes_open_ = 0;

  // Writing. `out_` fills while `writing_` is on its way.
  OutBuffer out_;
  OutBuffer writing_;
  bool write_under_way_ = false;
  bool flush_posted_ = false;
  bool close_when_written_ = false;
  bool writable_ = true;
  struct Unacknowledged {  // a delivery of QoS 0
    dispatch::ConsumerId consumer;
    dispatch::DeliveryId delivery;
    bool settled_by_command;
  };
  std::vector<Unacknowledged> settle_with_out_;
  std::vector<Unacknowledged> settle_with_writing_;

  std::uint32_t holding_ = 0;
  std::deque<dispatch::Deliver> held_;

  // Waits for CONNECT, then for Keep Alive, then for the last bytes to be written.
  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point last_read_;
};

}  // namespace proxy
