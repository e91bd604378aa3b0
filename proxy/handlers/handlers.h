#pragma once

#include <string>

#include "dispatch/result.h"
#include "dispatch/step.h"
#include "proxy/protocol/framing.h"
#include "proxy/protocol/packets.h"

namespace proxy {
class Session;
}

// What each control packet does, one file per packet of the specification. Plain functions: what
// they start comes back as an event with ids. None of them destroys the session.

namespace proxy::handlers {

// connect.cc
void on_connect(Session& session, protocol::Connect&& connect);
void on_connack(Session& session, protocol::Connack&& connack);
// A CONNECT that can't be decoded.
void refuse_connect(Session& session, const protocol::DecodeError& error);

// publish.cc: from the client, from the broker, and what becomes of a stored one
void on_publish(Session& session, protocol::Publish&& publish);
void on_broker_publish(Session& session, protocol::Publish&& publish);
void on_stored(Session& session, protocol::PacketId packet_id);
void on_store_failed(Session& session, protocol::PacketId packet_id, const dispatch::Error& why);
// Stores the message of a publish in copy mode that the broker has accepted.
void store(Session& session, protocol::PacketId packet_id, dispatch::MessageRef message);
// Sends what waited for Receive Maximum.
void send_waiting(Session& session);
// Tells the queues how much of Receive Maximum plain traffic uses.
void count_plain_in_flight(Session& session);

// deliver.cc: a message of a queue to the client
void on_delivery(Session& session, dispatch::Deliver&& delivery);

// acknowledge.cc: PUBACK, PUBREC, PUBREL, PUBCOMP
void on_puback(Session& session, const protocol::Puback& puback);
void on_pubrec(Session& session, const protocol::Pubrec& pubrec);
void on_pubrel(Session& session, const protocol::Pubrel& pubrel);
void on_pubcomp(Session& session, const protocol::Pubcomp& pubcomp);
void on_broker_puback(Session& session, protocol::Puback&& puback);
void on_broker_pubrec(Session& session, protocol::Pubrec&& pubrec);
void on_broker_pubcomp(Session& session, protocol::Pubcomp&& pubcomp);
// Answers a PUBLISH of the client, by its QoS.
void answer_publish(Session& session, protocol::PacketId packet_id, protocol::QoS qos,
                    protocol::ReasonCode reason, const std::string& why);

// subscribe.cc
void on_subscribe(Session& session, protocol::Subscribe&& subscribe);
void on_suback(Session& session, protocol::Suback&& suback);
// The `$q/` subscriptions of a resumed session, or after the journal was recovered.
void resubscribe(Session& session);

// unsubscribe.cc
void on_unsubscribe(Session& session, protocol::Unsubscribe&& unsubscribe);
void on_unsuback(Session& session, protocol::Unsuback&& unsuback);

// disconnect.cc
void on_disconnect(Session& session, protocol::Disconnect&& disconnect);
void on_broker_disconnect(Session& session, const protocol::Disconnect& disconnect);

// pingreq.cc
void on_pingreq(Session& session);

// auth.cc
void on_auth(Session& session, const protocol::Auth& auth);

}  // namespace proxy::handlers
