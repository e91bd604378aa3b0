#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "proxy/protocol/framing.h"
#include "proxy/protocol/packets.h"

namespace proxy {

// Stands between the bytes of one Paho client and the bytes of the broker, and makes exact what
// Paho can't say or loses. Neither thread, clock nor socket.
//   up     Paho writes every PUBLISH as one of QoS 0, and is then through with it; here it gets the
//          session's own packet identifier, QoS, DUP and large numbers. Paho's CONNECT only says
//          that it is ready for CONNACK and what follows: the session's has gone out already.
//   down   Paho takes every message for one of QoS 0, which it hands over at once and keeps nothing
//          of. It gets SUBACK and UNSUBACK for its own packets, so that it lets go of them.
//   aside  What the broker answers is decoded here and given to the session in the order in which
//          it came among the messages: an answer waits until Paho has handed over what came before.
class PahoBridge {
 public:
  explicit PahoBridge(protocol::Connect&& connect);

  protocol::Version version() const { return connect_.version; }
  const protocol::Connect& connect() const { return connect_; }

  // --- From the session
  // PUBLISH, SUBSCRIBE or UNSUBSCRIBE that is handed to Paho next, in order.
  void entering(const protocol::Packet& packet);
  // PUBACK, PUBREC, PUBREL, PUBCOMP, PINGREQ or DISCONNECT: goes to the broker without Paho, but
  // PUBREL, PINGREQ and DISCONNECT not before what is inside Paho.
  void send(const protocol::Packet& packet);
  // A PINGREQ of which the session knows nothing, nor of its answer.
  void ping();

  // --- Bytes in. Whole packets are used; an error is the broker's.
  struct Written {  // PUBLISH packets that Paho is through with, as they were entering()
    std::size_t packets = 0;
    std::size_t bytes = 0;  // held_bytes()
  };
  Written from_paho(std::span<const std::uint8_t> bytes);
  protocol::Result<std::size_t> from_broker(std::span<const std::uint8_t> bytes);

  // --- Bytes out, to be taken.
  std::string to_broker;  // begins with CONNECT
  std::string to_paho;    // not before listens(); if there is any, Paho is needed

  // --- What became of it
  // The broker's CONNACK, if it came.
  std::optional<protocol::Connack> connack;
  bool listens() const { return listens_; }        // Paho has written its CONNECT
  bool pinged() const { return !pings_.empty(); }  // a PINGREQ is not answered

  // Paho has handed over the next message, whose identifier, QoS and DUP are put right.
  void handed_over(protocol::Publish& publish);
  // Paho is through with so many SUBSCRIBE and UNSUBSCRIBE packets that the broker has answered.
  void answered(std::size_t packets) { handed_over_ += packets; }
  // The next answer whose turn it is.
  std::optional<protocol::Packet> next_answer();
  // Bytes of messages that Paho has not handed over yet.
  std::size_t in_transit_bytes() const { return in_transit_bytes_; }

 private:
  // What Paho can't carry of a packet that is inside it.
  struct Outbound {
    protocol::PacketId packet_id = 0;
    protocol::QoS qos{};
    bool dup = false;
    std::optional<std::uint32_t> message_expiry;
    protocol::PacketType answer{};
    std::size_t bytes = 0;
    std::string then;  // goes out behind it
  };
  struct Inbound {
    protocol::PacketId packet_id = 0;
    protocol::QoS qos{};
    bool dup = false;
    std::size_t bytes = 0;
  };
  struct Answer {
    std::size_t behind = 0;  // so many packets must have been handed over
    protocol::Packet packet;
  };

  std::size_t publish_up(const protocol::Frame& frame);
  void numbered_up(const protocol::Frame& frame);
  void put_number_right(std::size_t at, std::uint32_t message_expiry);
  protocol::PacketId remember(protocol::PacketId paho_id);
  void entered();

  protocol::Result<void> packet_down(const protocol::Frame& frame);
  protocol::Result<void> connack_down(const protocol::Frame& frame);
  protocol::Result<void> publish_down(const protocol::Frame& frame);
  protocol::Result<void> answer_down(const protocol::Frame& frame);
  void pong();
  void feed(const protocol::Frame& frame, std::uint8_t first_byte);
  void feed_answer(const protocol::Frame& frame, protocol::PacketId paho_id);

  const protocol::Connect connect_;
  std::deque<Outbound> outbound_;
  // What the broker is to answer, by the type of the answer and the session's identifier: Paho's
  // identifier, 0 for a PUBLISH, of which it expects none. A client may use one twice; the broker
  // answers in order.
  std::multimap<std::pair<protocol::PacketType, protocol::PacketId>, protocol::PacketId> paho_ids_;
  bool listens_ = false;
  std::string connack_to_paho_;  // until it listens
  std::deque<bool> pings_;       // not answered; true: the session's

  std::deque<Inbound> inbound_;
  std::size_t in_transit_bytes_ = 0;
  std::size_t fed_ = 0;          // packets that Paho will hand over
  std::size_t handed_over_ = 0;  // and that it has
  std::deque<Answer> answers_;
};

}  // namespace proxy
