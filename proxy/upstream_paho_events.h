#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "proxy/protocol/packets.h"

// What crosses the threads of the Paho link: values with ids, never references.

namespace proxy {

// Unique in the process, so that the sockets' hooks never mix up two.
using LinkId = std::uint64_t;
LinkId new_link_id();

// Bytes that came from the broker and that the session hasn't taken over yet; counted up on Paho's
// receive thread, down on the core. A message that comes when more than the limit is held already
// ends the link: Paho can't stop reading.
struct Inflow {
  static constexpr std::size_t limit_bytes = 32U << 20;
  std::atomic<std::size_t> bytes{0};
};

// Publishes of the session that Paho is done with: `count` of QoS 0, or the one with `packet_id`.
struct PublishDone {
  protocol::QoS qos{};
  protocol::PacketId packet_id = 0;
  protocol::ReasonCode reason = protocol::ReasonCode::success;
  protocol::Properties properties{};
  std::size_t count = 1;
};

struct Lost {
  std::string why;
};

// Paho's client is destroyed: nothing comes any more.
struct Closed {};

struct Event {
  LinkId link = 0;
  std::variant<protocol::Packet, PublishDone, Lost, Closed> what;
};

// The one hand-over from Paho's threads to the core: they push, and the core is woken once per
// burst.
class HandOver : public std::enable_shared_from_this<HandOver> {
 public:
  explicit HandOver(boost::asio::io_context& core) : core_(core) {}

  // Any thread. Never blocks longer than the copy of a few pointers.
  void push(Event&& event);

  // The rest: core thread. `on_burst` runs on the core when there is something to take();
  // an empty one ends that.
  void on_burst(std::function<void()> perform) { perform_ = std::move(perform); }
  std::vector<Event> take();
  // Waits for events without the core running; for the end.
  void wait_until(std::chrono::steady_clock::time_point deadline);

 private:
  boost::asio::io_context& core_;
  std::function<void()> perform_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<Event> events_;
};

}  // namespace proxy
