#pragma once

#include <memory>
#include <string>

#include "proxy/protocol/packets.h"

// The way to the broker, packet-shaped: one link per downstream session takes and gives MQTT
// control packets. The default link is upstream_paho.h; because the interface is packets, another
// (a raw relay) can stand beside it. Everything here happens on the core thread.

namespace proxy {

// What a link tells its session. Never called from within a call of the session into the link.
class UpstreamEvents {
 public:
  // From the broker: CONNACK first, exactly once (a broker that can't be reached, or doesn't answer
  // in time, gives a CONNACK 0x88 made by the link). After a successful one: PUBLISH, SUBACK,
  // UNSUBACK, PUBACK / PUBREC / PUBCOMP for what the session sent, and DISCONNECT, which is the
  // last. A PUBLISH of QoS 1 or 2 carries the link's packet identifier, for the session's
  // PUBACK / PUBREC / PUBCOMP to name; it has no DUP flag to be relied on. No PUBREL comes: the
  // session goes through the four packets of QoS 2 with its client by itself.
  virtual void on_upstream(protocol::Packet&& packet) = 0;
  // The connection is gone without a DISCONNECT of the broker; the last event of the link.
  virtual void on_upstream_lost(const std::string& why) = 0;
  // The link takes more publishes again after it refused by can_take() == false.
  virtual void on_upstream_ready() = 0;

 protected:
  ~UpstreamEvents() = default;
};

class UpstreamLink {
 public:
  // Ends the connection as if the network had failed (the Will fires), unless DISCONNECT was sent:
  // then what was sent before is still delivered. No event comes after this.
  virtual ~UpstreamLink() = default;

  // Sends one packet. The first is CONNECT with the client's own identity, Will, keep alive and
  // properties; after the CONNACK came: PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE, PUBACK, PUBREC,
  // PUBCOMP, DISCONNECT (the last). Packet identifiers are the session's own: answers come back
  // with them. Topics are never empty: aliases are resolved by the session. Until the session
  // acknowledges a message (PUBREC is as good as PUBCOMP) it counts as held by the link; a link
  // that holds too much ends with on_upstream_lost().
  virtual void send(protocol::Packet&& packet) = 0;

  // False: as much is under way as the link wants to hold; the session stops reading its client
  // until on_upstream_ready(). Sending all the same is allowed, for what was read already.
  virtual bool can_take() const = 0;
};

class Upstream {
 public:
  virtual ~Upstream() = default;
  // `events` must live until the link is destroyed.
  virtual std::unique_ptr<UpstreamLink> open(UpstreamEvents& events) = 0;
  // "127.0.0.1:1883", for messages.
  virtual std::string address() const = 0;
};

}  // namespace proxy
