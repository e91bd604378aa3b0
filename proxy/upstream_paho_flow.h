#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_set>

#include "proxy/protocol/packets.h"

namespace proxy {

// What all links together may have inside Paho: its lists are scanned from the front.
struct PahoBudget {
  static constexpr std::size_t max_packets = 512;
  static constexpr std::size_t max_bytes = 32U << 20;
  std::size_t packets = 0;
  std::size_t bytes = 0;
  bool has_room() const { return packets < max_packets && bytes < max_bytes; }
};

// The bookkeeping of one link's way to the broker, on the core: what waits, what is inside Paho,
// which exchanges the broker hasn't finished. Neither thread nor clock nor Paho. Packets keep their
// order.
class PahoFlow {
 public:
  // A client has at most this many packets inside Paho, and at most this many publishes of QoS 1
  // and 2 unfinished with the broker, or the broker's Receive Maximum if that is lower.
  static constexpr std::size_t max_window = 64;
  // 3.1.1 announces no limit; Mosquitto's is 20, and QoS 2 stalls beyond.
  static constexpr std::size_t window_3_1_1 = 20;
  // Waiting beyond either: full; not full again at half.
  static constexpr std::size_t max_waiting = 64;
  static constexpr std::size_t max_waiting_bytes = 1U << 20;

  explicit PahoFlow(PahoBudget& budget) : budget_(budget) {}
  ~PahoFlow() { give_back(); }
  PahoFlow(const PahoFlow&) = delete;
  PahoFlow& operator=(const PahoFlow&) = delete;

  // What CONNECT and CONNACK agreed on. Nothing is taken before.
  void opened(protocol::Version version, const protocol::Connack& connack);
  // PUBLISH, SUBSCRIBE, UNSUBSCRIBE or PINGREQ, to be taken when its turn comes.
  void queue(protocol::Packet&& packet);
  // The next packet that may enter Paho. `wants_budget()` says whether only others keep it waiting.
  std::optional<protocol::Packet> take();
  bool wants_budget() const { return can_send() && !budget_.has_room(); }
  // Paho is through with so much of what was taken.
  void left(std::size_t packets, std::size_t bytes);
  // The broker is through with a publish: PUBACK, PUBCOMP, or a PUBREC that refuses.
  void finished(protocol::PacketId packet_id);
  // The connection is gone: nothing waits or is inside.
  void give_back();

  bool drained() const { return waiting_.empty() && inside_ == 0; }
  bool full() const { return full_; }
  bool became_ready();  // true once after full() went back to false

 private:
  bool can_send() const;
  void check_full();

  PahoBudget& budget_;
  bool opened_ = false;
  std::size_t window_ = max_window;

  std::deque<protocol::Packet> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool full_ = false;
  bool owes_ready_ = false;

  std::size_t inside_ = 0;
  std::size_t inside_bytes_ = 0;
  // Of publishes of QoS 1 and 2 that were taken. A client may use one twice.
  std::unordered_multiset<protocol::PacketId> unfinished_;
};

// The identifier of a publish that the broker is through with by this answer; 0: none.
protocol::PacketId finished_by(const protocol::Packet& answer);

// What a packet counts in all these bounds.
std::size_t held_bytes(const protocol::Packet& packet);
std::size_t held_bytes(const protocol::Publish& publish);

}  // namespace proxy
