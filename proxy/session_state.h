#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dispatch/ids.h"
#include "dispatch/queue_address.h"
#include "proxy/protocol/packets.h"

// The part of an MQTT session that outlives its network connection [MQTT-4.1], as far as the proxy
// holds it: the broker holds the rest. Pure data and rules, no sockets.

namespace proxy {

// A PUBLISH of QoS 1 or 2 to the client that is not completely acknowledged.
struct Outgoing {
  // From a queue: who has it. Cleared once it is settled or was taken away; then only the packet
  // identifier is still in use.
  dispatch::ConsumerId consumer{};
  dispatch::DeliveryId delivery{};
  // It occupies a slot of the queue core's count, to be freed with the packet identifier.
  bool holds_slot = false;
  // From the broker: its packet, kept to be sent again when the session resumes.
  std::optional<protocol::Publish> plain;
  protocol::PacketId upstream_id = 0;  // of the link; 0 after a resume
  protocol::QoS qos = protocol::QoS::at_least_once;
  bool released = false;  // QoS 2: PUBREC came, PUBREL was sent
  std::uint64_t sequence = 0;
};

// A PUBLISH of QoS 2 from the client, from its arrival until PUBREL [MQTT-4.3.3].
struct Incoming {
  enum class Owner {
    queue,        // given to the queues
    upstream,     // given to the link
    resumed,      // answered on an earlier connection
    interrupted,  // given to the queues on an earlier connection, not answered there
  };
  Owner owner = Owner::queue;
  bool answered = false;  // PUBREC was sent
  // Of a queue's: the journal that it was given to (QueueService::journal_epoch()). If that is
  // still the one, it is or will be stored, whatever became of the connection.
  std::uint64_t epoch = 0;
};

// A `$q/` subscription.
struct QueueSubscription {
  dispatch::QueueAddress address;
  protocol::QoS qos = protocol::QoS::at_most_once;
  std::optional<std::uint32_t> subscription_id;
  dispatch::ConsumerId consumer{};  // of this connection; 0 while there is none
};

class SessionState {
 public:
  // --- To the client ---

  // A packet identifier that is not in use; 0 if all are.
  protocol::PacketId free_packet_id();
  std::unordered_map<protocol::PacketId, Outgoing> outgoing;
  // From the broker, not sent yet for want of Receive Maximum.
  std::deque<protocol::Publish> waiting;
  std::size_t waiting_bytes = 0;  // of their payloads and topics
  std::size_t slots = 0;          // how many of `outgoing` hold a slot

  // --- From the client ---

  std::unordered_map<protocol::PacketId, Incoming> incoming;

  // --- `$q/` subscriptions, by filter as the client wrote it ---
  bool recorded = false;  // the journal has a SessionRecord of them
  std::map<std::string, QueueSubscription> queue_subscriptions;
  // nullptr if it has been unsubscribed.
  const QueueSubscription* find(dispatch::ConsumerId consumer) const;

  void add_outgoing(protocol::PacketId id, Outgoing&& flight);
  // Packet identifiers of `outgoing` in the order in which they were first sent [MQTT-4.6.0-1].
  std::vector<protocol::PacketId> outgoing_in_order() const;
  // Takes back what belonged to the connection: deliveries of queues are theirs again, publishes
  // that the broker didn't answer will be sent again by the client, and no link knows any packet
  // identifier.
  void connection_ended();

 private:
  protocol::PacketId last_id_ = 0;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace proxy
