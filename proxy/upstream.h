#pragma once

#include <memory>
#include <string>

#include "proxy/protocol/packets.h"

// The way to the broker, packet-shaped: one link per downstream session takes and gives MQTT
// control packets. The default link is upstream_paho.h; because the interface is packets, another
// (a raw relay) can stand beside it. Everything here happens on the core thread.

namespace proxy {

// How the last CONNECT that reached for the broker went, for the health page.
enum class UpstreamHealth { unknown, reachable, unreachable };

// What a link tells its session. Never called from within a call of the session into the link.
class UpstreamEvents {
 public:
  // From the broker: CONNACK first, exactly once (a broker that can't be reached, or doesn't answer
  // in time, gives a CONNACK 0x88 made by the link, whose Reason String says why). After a
  // successful one: PUBLISH with the broker's own packet identifier and DUP flag; PUBACK, PUBREC,
  // PUBCOMP, SUBACK and UNSUBACK for what the session sent; PUBREL for a message that the session
  // has answered with PUBREC; PINGRESP; and DISCONNECT, which is the last. All with the broker's
  // reason codes and properties, in the order in which the broker sent them.
  virtual void on_upstream(protocol::Packet&& packet) = 0;
  // The connection is gone without a DISCONNECT of the broker, or, if no CONNACK came, the broker
  // has ended it without one; the last event of the link.
  virtual void on_upstream_lost(const std::string& why) = 0;
  // The link takes more publishes again after it refused by can_take() == false.
  virtual void on_upstream_ready() = 0;
  // The session is of use without the broker, so that its loss may be kept from it.
  virtual bool can_do_without_broker() const { return false; }

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
  // PUBCOMP, PINGREQ, DISCONNECT (the last). They reach the broker as they are, with their packet
  // identifiers, DUP flags, reason codes and properties; only topics are never empty, since aliases
  // are resolved by the session. A message of the broker is acknowledged when the session says so
  // and not before. A PINGREQ reaches the broker behind all that was sent before it. The link keeps
  // the connection alive towards the broker by itself as well, with pings that nobody sees.
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
  // No link is left, nor anything of one that is still to be sent.
  virtual bool idle() const = 0;
};

}  // namespace proxy
