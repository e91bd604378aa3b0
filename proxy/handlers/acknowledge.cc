// PUBACK, PUBREC, PUBREL and PUBCOMP, from the client and from the broker.

#include "proxy/handlers/handlers.h"
#include "proxy/session.h"

namespace proxy::handlers {
namespace {

using protocol::PacketId;
using protocol::PropertyId;
using protocol::QoS;
using protocol::ReasonCode;

// What the consumer's reason code says of a delivery (docs/queues.md section 4).
dispatch::Outcome outcome(ReasonCode reason) {
  if (!protocol::is_error(reason)) return dispatch::Outcome::ack;
  switch (reason) {
    case ReasonCode::quota_exceeded:
      return dispatch::Outcome::release;
    case ReasonCode::not_authorized:
    case ReasonCode::topic_name_invalid:
    case ReasonCode::payload_format_invalid:
      return dispatch::Outcome::reject;
    default:
      return dispatch::Outcome::retry;
  }
}

// The client's Reason String is kept with what it rejects.
template <class Acknowledgement>
void settle(Session& session, Outgoing& flight, const Acknowledgement& from_client) {
  if (!flight.consumer) return;
  const std::string* why = from_client.properties.text(PropertyId::reason_string);
  session.queues().settle(flight.consumer, flight.delivery, outcome(from_client.reason),
                          why == nullptr ? std::string_view() : *why);
  flight.consumer = {};
}

// It has arrived, which is all that the acknowledgement of a delivery says that is settled by
// command; one that refuses it settles it.
template <class Acknowledgement>
void settle_or_wait(Session& session, Outgoing& flight, const Acknowledgement& from_client) {
  if (!flight.settled_by_command || protocol::is_error(from_client.reason))
    settle(session, flight, from_client);
}

// The packet identifier is free again, and with it a place in the client's Receive Maximum: first
// for what waits from the broker, then for the queues.
void complete(Session& session, PacketId id) {
  auto& state = session.state();
  const Outgoing flight = state.outgoing.at(id);
  const bool held_slot = flight.holds_slot;
  state.remove_outgoing(id);
  if (held_slot) --state.slots;
  send_waiting(session);
  count_plain_in_flight(session);
  if (held_slot && flight.settled_by_command) {
    session.queues().arrived(session.queue_session(), flight.consumer, flight.delivery);
  } else if (held_slot) {
    session.queues().free_slot(session.queue_session());
  }
}

// The delivery with this packet identifier; nullptr if the client acknowledges what it doesn't
// have, which is harmless: an acknowledgement may cross the end of a session. With an
// acknowledgement of another QoS the client has lost the thread: that ends the session.
Outgoing* find(Session& session, PacketId id, QoS qos) {
  const auto found = session.state().outgoing.find(id);
  if (found == session.state().outgoing.end()) return nullptr;
  if (found->second.qos == qos) return &found->second;
  session.end(ReasonCode::protocol_error, "an acknowledgement of another QoS than the PUBLISH");
  return nullptr;
}

// The client's acknowledgement, in the terms of the link.
template <class Acknowledgement>
void pass_up(Session& session, const Outgoing& flight, const Acknowledgement& from_client) {
  if (flight.upstream_id == 0) return;
  Acknowledgement up = from_client;
  up.packet_id = flight.upstream_id;
  session.link().send(std::move(up));
}

}  // namespace

void on_puback(Session& session, const protocol::Puback& puback) {
  Outgoing* flight = find(session, puback.packet_id, QoS::at_least_once);
  if (flight == nullptr) return;
  pass_up(session, *flight, puback);
  settle_or_wait(session, *flight, puback);
  complete(session, puback.packet_id);
}

void on_pubrec(Session& session, const protocol::Pubrec& pubrec) {
  Outgoing* flight = find(session, pubrec.packet_id, QoS::exactly_once);
  if (flight == nullptr) {
    if (session.phase() == Session::Phase::ended) return;
    // Of an earlier connection, or of nothing at all: the broker knows.
    session.link().send(protocol::Pubrec(pubrec));
    return;
  }
  pass_up(session, *flight, pubrec);
  settle_or_wait(session, *flight, pubrec);
  if (protocol::is_error(pubrec.reason)) {
    complete(session, pubrec.packet_id);
    return;
  }
  if (flight->upstream_id != 0) return;  // the broker releases it
  flight->released = true;
  session.send(protocol::Pubrel{pubrec.packet_id});
}

void on_pubcomp(Session& session, const protocol::Pubcomp& pubcomp) {
  Outgoing* flight = find(session, pubcomp.packet_id, QoS::exactly_once);
  if (flight == nullptr || !flight->released) return;
  pass_up(session, *flight, pubcomp);
  complete(session, pubcomp.packet_id);
}

void on_pubrel(Session& session, const protocol::Pubrel& pubrel) {
  const auto known = session.state().incoming.find(pubrel.packet_id);
  if (known == session.state().incoming.end()) {
    // Of an earlier connection, or of nothing at all: the broker knows.
    session.link().send(protocol::Pubrel(pubrel));
    return;
  }
  // Before PUBREC only where the broker may have answered long ago: it knows.
  if (known->second.owner == Incoming::Owner::upstream ||
      (known->second.owner == Incoming::Owner::both && known->second.answered)) {
    session.link().send(protocol::Pubrel(pubrel));
    return;
  }
  if (!known->second.answered) {
    session.end(ReasonCode::protocol_error, "PUBREL before PUBREC");
    return;
  }
  session.state().incoming.erase(known);
  session.send(protocol::Pubcomp{pubrel.packet_id});
}

void on_broker_puback(Session& session, protocol::Puback&& puback) {
  auto copied = session.copying.extract(puback.packet_id);
  if (!copied.empty() && !protocol::is_error(puback.reason)) {
    store(session, puback.packet_id, std::move(copied.mapped()));
    return;
  }
  session.send(puback);
  session.publish_answered();
}

void on_broker_pubrec(Session& session, protocol::Pubrec&& pubrec) {
  auto copied = session.copying.extract(pubrec.packet_id);
  if (!copied.empty() && !protocol::is_error(pubrec.reason)) {
    store(session, pubrec.packet_id, std::move(copied.mapped()));
    return;
  }
  auto& incoming = session.state().incoming;
  if (protocol::is_error(pubrec.reason)) {
    incoming.erase(pubrec.packet_id);
  } else if (const auto known = incoming.find(pubrec.packet_id); known != incoming.end()) {
    known->second.answered = true;
  }
  session.send(pubrec);
  session.publish_answered();
}

void on_broker_pubrel(Session& session, protocol::Pubrel&& pubrel) {
  auto& state = session.state();
  const auto upstream_id = pubrel.packet_id;
  auto id = state.find_plain(upstream_id);
  if (id == 0) {
    // Its PUBLISH came through a proxy that was restarted since, with the broker's identifier.
    id = state.id_for_plain(upstream_id);
    Outgoing flight;
    flight.upstream_id = upstream_id;
    flight.qos = QoS::exactly_once;
    state.add_outgoing(id, flight);
  }
  Outgoing& flight = state.outgoing.at(id);
  state.wake(flight);
  flight.released = true;
  pubrel.packet_id = id;
  session.send(pubrel);
}

void on_broker_pubcomp(Session& session, protocol::Pubcomp&& pubcomp) {
  const auto known = session.state().incoming.find(pubcomp.packet_id);
  if (known != session.state().incoming.end()) {
    if (!known->second.answered) session.publish_answered();  // by this, without a PUBREC
    session.state().incoming.erase(known);
  }
  session.send(pubcomp);
}

void answer_publish(Session& session, PacketId packet_id, QoS qos, ReasonCode reason,
                    const std::string& why) {
  if (qos == QoS::at_most_once) return;
  session.publish_answered();
  if (protocol::is_error(reason) && !session.v5()) {
    // 3.1.1 has no word for it: no acknowledgement, and the connection closes.
    session.end_soon(reason, why);
    return;
  }
  const auto answer = [&]<class Acknowledgement>(Acknowledgement acknowledgement) {
    acknowledgement.packet_id = packet_id;
    acknowledgement.reason = reason;
    if (!why.empty() && session.connection().problem_information) {
      acknowledgement.properties.add(PropertyId::reason_string, why);
    }
    session.send(acknowledgement);
  };
  if (qos == QoS::at_least_once) {
    answer(protocol::Puback{});
    return;
  }
  if (protocol::is_error(reason)) {
    session.state().incoming.erase(packet_id);
  } else {
    session.state().incoming.at(packet_id).answered = true;
  }
  answer(protocol::Pubrec{});
}

}  // namespace proxy::handlers
