#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "proxy/protocol/packets.h"
#include "proxy/upstream_paho_events.h"

namespace proxy {

// What all links together may have inside Paho: its lists are scanned from the front.
struct PahoBudget {
  static constexpr std::size_t max_packets = 512;
  static constexpr std::size_t max_bytes = 32U << 20;
  std::size_t packets = 0;
  std::size_t bytes = 0;
  bool has_room() const { return packets < max_packets && bytes < max_bytes; }
};

// The bookkeeping of one link on the core: what waits, what is inside Paho, what the session has
// not acknowledged. Neither thread nor clock nor Paho. Packets keep their order.
class PahoFlow {
 public:
  // A client has at most this many PUBLISH (and SUBSCRIBE, UNSUBSCRIBE) inside Paho. Below what the
  // broker takes at once (its Receive Maximum): at the limit Paho 1.3.12 goes on only when
  // something else wakes it, 20 messages a second.
  static constexpr std::size_t max_window = 64;
  // 3.1.1 announces no limit; Mosquitto's is 20 and QoS 2 stalls beyond.
  static constexpr std::size_t window_3_1_1 = 18;
  // Waiting beyond either: full; not full again at half.
  static constexpr std::size_t max_waiting = 64;
  static constexpr std::size_t max_waiting_bytes = 1U << 20;

  explicit PahoFlow(PahoBudget& budget) : budget_(budget) {}
  ~PahoFlow() { give_back(); }
  PahoFlow(const PahoFlow&) = delete;
  PahoFlow& operator=(const PahoFlow&) = delete;

  // --- towards the broker
  void opening(protocol::Version version) { version_ = version; }
  void opened(const protocol::Connack& connack);
  // PUBLISH, SUBSCRIBE or UNSUBSCRIBE, to be taken when its turn comes. False: it is the repetition
  // of a PUBLISH that is under way, or of one of QoS 2 that is done, and goes no further.
  bool queue(protocol::Packet&& packet);
  // The next packet that may enter Paho. `wants_budget()` says whether only others keep it waiting.
  std::optional<protocol::Packet> take();
  bool wants_budget() const { return can_send() && !budget_.has_room(); }
  // What the session gets for it: PUBACK or PUBREC; nothing for QoS 0.
  std::optional<protocol::Packet> settled(const PublishDone& done);
  void answered();                                    // SUBACK or UNSUBACK came
  void released(protocol::PacketId packet_id);        // PUBREL came
  bool repeated(protocol::PacketId packet_id) const;  // a PUBREC was sent and no PUBREL came yet
  void give_back();                                   // the connection is gone: nothing is inside

  bool drained() const { return waiting_.empty() && inside_ == 0; }
  bool full() const { return full_; }
  bool became_ready();  // true once after full() went back to false

  // --- from the broker
  const std::shared_ptr<Inflow>& inflow() const { return inflow_; }
  // Gives it a packet identifier if it needs one; false: 65,535 are in use.
  bool number(protocol::Publish& publish);
  void handed_over(std::size_t size_bytes) { inflow_->bytes -= size_bytes; }
  void acknowledged(protocol::PacketId packet_id);

 private:
  bool can_send() const { return opened_ && !waiting_.empty() && inside_ < window_; }
  void entered(const protocol::Packet& packet, std::size_t size_bytes);
  void left(std::size_t size_bytes);
  void check_full();

  PahoBudget& budget_;
  protocol::Version version_{};
  bool opened_ = false;
  std::size_t window_ = max_window;

  std::deque<protocol::Packet> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool full_ = false;
  bool owes_ready_ = false;

  std::size_t inside_ = 0;
  std::size_t inside_bytes_ = 0;
  std::deque<std::size_t> qos_0_sizes_;                            // inside, in order
  std::unordered_map<protocol::PacketId, std::size_t> publishes_;  // QoS 1, 2, waiting or inside
  std::unordered_set<protocol::PacketId> unreleased_;

  const std::shared_ptr<Inflow> inflow_ = std::make_shared<Inflow>();
  protocol::PacketId last_id_ = 0;
  std::unordered_map<protocol::PacketId, std::size_t> unacknowledged_;  // size in bytes
};

// What a packet counts in all these bounds.
std::size_t held_bytes(const protocol::Packet& packet);
std::size_t held_bytes(const protocol::Publish& publish);

}  // namespace proxy
