#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "proxy/broker_stream.h"
#include "proxy/upstream.h"
#include "proxy/upstream_paho_address.h"
#include "proxy/upstream_paho_bridge.h"
#include "proxy/upstream_paho_events.h"
#include "proxy/upstream_paho_flow.h"
#include "proxy/upstream_paho_pipe.h"
#include "proxy/upstream_paho_uplink.h"

namespace proxy {

// What all links share, and what they ask of it. Outlives them.
class PahoLinks {
 public:
  // Calls the link's start() when it is its turn to connect, not from within.
  virtual void line_up(LinkId link) = 0;
  // It needs no turn any more, or is through with it.
  virtual void turn_over(LinkId link) = 0;
  // Calls the link's feed() when there is budget again.
  virtual void starve(LinkId link) = 0;
  // Somebody who connects as `client_id` waits until what was sent by this link has gone out.
  virtual void ending(const std::string& client_id) = 0;
  virtual void ended(const std::string& client_id) = 0;
  // Destroys the link.
  virtual void forget(LinkId link) = 0;

  boost::asio::io_context& core;
  const std::chrono::milliseconds connect_timeout;
  BrokerStreams streams;
  const std::shared_ptr<BrokerAddress> broker_address;
  const std::shared_ptr<HandOver> hand_over;
  PahoBudget budget;
  PahoUplink uplink;

 protected:
  PahoLinks(boost::asio::io_context& the_core, std::chrono::milliseconds timeout,
            const BrokerTarget& target, std::shared_ptr<boost::asio::ssl::context> tls);
  ~PahoLinks() = default;
};

// One link on the core: the session on one side, Paho's client on the other, and the connection to
// the broker, which Paho doesn't know of. It outlives the session's handle until Paho has let go.
class PahoLink final : public BrokerStreamEvents {
 public:
  PahoLink(LinkId id, UpstreamEvents& session, PahoLinks& links);
  ~PahoLink();
  PahoLink(const PahoLink&) = delete;
  PahoLink& operator=(const PahoLink&) = delete;

  // --- The session
  void send(protocol::Packet&& packet);
  bool can_take() const { return !flow_.full(); }
  // Its handle is gone. May destroy the link.
  void let_go();

  // --- All links together
  const std::string& client_id() const { return bridge_->connect().client_id; }
  void start();
  void feed();

  // --- Paho. Each may destroy the link if the session does so when told.
  void perform(Written);
  void perform(Connected connected);
  void perform(protocol::Publish&& publish);
  void perform(Done done);
  void perform(Lost&& lost);
  void perform(Ended);
  void perform(Closed);

 private:
  // How far it is with its session.
  enum class Stage {
    idle,     // no CONNECT yet
    waiting,  // in the line of those that want to connect
    opening,  // CONNECT is on its way
    open,     // CONNACK 0x00 was given
    closing,  // DISCONNECT or the link's end: what waits still goes out
    over,     // nothing more from the session is of use
  };

  template <class P>
  void accept(P&& packet);
  void connect_to(const std::string& address);
  void pump();
  void flush();
  void need_paho();
  void feed_paho();
  void on_connack();

  void on_stream_connected() override;
  std::size_t on_stream_bytes(std::span<const std::uint8_t> bytes) override;
  void on_stream_sent() override;
  void on_stream_closed(const std::string& why) override;

  void begin_closing();
  void end_when_drained();
  void give_up(const std::string& why);
  void leave();
  void set_stage(Stage stage);

  void arm(std::chrono::milliseconds time);
  void on_timer();
  void keep_alive();
  void ping();
  void note_ping();

  void tell(protocol::Packet&& packet);
  void tell_last(protocol::Packet& packet);
  void tell_answers();
  void tell_ready();
  void tell_lost(const std::string& why);
  void refuse();

  const LinkId id_;
  UpstreamEvents* events_;  // null: the session has let go, or had its last event
  bool handle_gone_ = false;
  PahoLinks& links_;
  Stage stage_ = Stage::idle;
  std::optional<protocol::Disconnect> disconnect_;  // to be sent when drained
  PahoFlow flow_;
  bool starving_ = false;
  std::optional<PahoBridge> bridge_;
  std::shared_ptr<BrokerStream> stream_;
  bool stream_connected_ = false;
  bool paused_ = false;
  std::string why_lost_;
  std::shared_ptr<PahoPipe> pipe_;  // from need_paho() as long as Paho has a client for it
  PahoConnection* paho_ = nullptr;  // once it is connected, until it is to be destroyed

  boost::asio::steady_timer timer_;
  std::chrono::seconds keep_alive_{0};
  std::chrono::steady_clock::time_point last_sent_{};
  std::chrono::steady_clock::time_point pinged_{};
  // Events may destroy the link; whoever goes on after one looks here.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace proxy
