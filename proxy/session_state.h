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
  // Settled by command: the acknowledgement only says that it has arrived.
  bool settled_by_command = false;
  protocol::PacketId upstream_id = 0;  // from the broker: its packet identifier there; else 0
  // From the broker on an earlier connection: in use, until the broker sends it again or is done
  // with it, but not in flight.
  bool asleep = false;
  protocol::QoS qos = protocol::QoS::at_least_once;
  bool released = false;  // QoS 2: PUBREC came, PUBREL was sent
  std::uint64_t sequence = 0;
};

// A PUBLISH of QoS 2 from the client, from its arrival until PUBREL [MQTT-4.3.3].
struct Incoming {
  enum class Owner {
    queue,        // given to the queues
    upstream,     // the broker's: it remembers the identifier, also from connection to connection
    both,         // copied: the broker's, and given to the queues once it has accepted
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
  bool settles_by_command = false;  // user property `settle=explicit` of the SUBSCRIBE
  dispatch::ConsumerId consumer{};  // of this connection; 0 while there is none
};

class SessionState {
 public:
  // --- To the client ---

  // A packet identifier for a delivery, not in use; 0 if all are. From the top downwards, since
  // brokers number from 1 upwards and theirs are kept where that is possible.
  protocol::PacketId free_packet_id();
  // The one for a message that has this identifier at the broker: the same one, so that the client
  // recognizes it even after a restart of the proxy, unless a delivery has it. 0 if all are in use.
  protocol::PacketId id_for_plain(protocol::PacketId upstream_id);
  // The one that a message from the broker has here; 0: none.
  protocol::PacketId find_plain(protocol::PacketId upstream_id) const;
  std::unordered_map<protocol::PacketId, Outgoing> outgoing;
  // From the broker, not sent yet for want of Receive Maximum.
  std::deque<protocol::Publish> waiting;
  std::size_t waiting_bytes = 0;  // of their payloads and topics
  std::size_t slots = 0;          // how many of `outgoing` hold a slot
  std::size_t asleep = 0;         // how many of `outgoing` are
  // Unacknowledged on this connection: what counts against the client's Receive Maximum.
  std::size_t in_flight() const { return outgoing.size() - asleep; }

  // --- From the client ---

  std::unordered_map<protocol::PacketId, Incoming> incoming;

  // --- `$q/` subscriptions, by filter as the client wrote it ---
  bool recorded = false;  // the journal has a SessionRecord of them
  std::map<std::string, QueueSubscription> queue_subscriptions;
  // nullptr if it has been unsubscribed.
  const QueueSubscription* find(dispatch::ConsumerId consumer) const;

  void add_outgoing(protocol::PacketId id, const Outgoing& flight);
  void remove_outgoing(protocol::PacketId id);
  void wake(Outgoing& flight);  // the broker has sent it again
  // Packet identifiers of `outgoing` in the order in which they were first sent [MQTT-4.6.0-1].
  std::vector<protocol::PacketId> outgoing_in_order() const;
  // Takes back what belonged to the connection: deliveries of queues are theirs again, and what is
  // between client and broker will be sent again by either of them.
  void connection_ended();

 private:
  protocol::PacketId last_id_ = 0;
  // Of messages whose identifier differs from the broker's: here, by the broker's.
  std::unordered_map<protocol::PacketId, protocol::PacketId> moved_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace proxy
