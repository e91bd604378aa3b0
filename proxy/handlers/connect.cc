#include <algorithm>

#include "proxy/handlers/handlers.h"
#include "proxy/log.h"
#include "proxy/rights.h"
#include "proxy/session.h"

namespace proxy::handlers {
namespace {

using protocol::Connack;
using protocol::PropertyId;
using protocol::ReasonCode;

constexpr std::uint32_t kNever = 0xFFFFFFFF;
constexpr std::uint32_t kLargestPacketBytes = protocol::largest_packet_bytes;

void refuse(Session& session, ReasonCode reason, const std::string& why) {
  Connack connack;
  connack.reason = reason;
  if (session.v5()) connack.properties.add(PropertyId::reason_string, why);
  session.send(connack);
  session.refused(why);
}

// What of CONNECT concerns this side of the proxy. The packet itself goes to the broker.
void note(Connection& connection, const protocol::Connect& connect) {
  const auto& properties = connect.properties;
  connection.version = connect.version;
  connection.client_id = connect.client_id;
  connection.username = connect.username.value_or("");
  connection.clean_start = connect.clean_start;
  connection.keep_alive_s = connect.keep_alive_s;
  if (connect.version == protocol::Version::v3_1_1) {
    connection.session_expiry_s = connect.clean_start ? 0 : kNever;
    return;
  }
  connection.session_expiry_s = properties.number(PropertyId::session_expiry_interval).value_or(0);
  connection.receive_maximum =
      static_cast<std::uint16_t>(properties.number(PropertyId::receive_maximum).value_or(65535));
  connection.max_packet_bytes =
      std::min(properties.number(PropertyId::maximum_packet_size).value_or(kLargestPacketBytes),
               kLargestPacketBytes);
  connection.problem_information =
      properties.number(PropertyId::request_problem_information).value_or(1) != 0;
}

// The broker's word on the session overrides what the client asked for [MQTT-3.2.2.3].
void note(Connection& connection, const Connack& connack) {
  const auto& properties = connack.properties;
  if (const auto* id = properties.text(PropertyId::assigned_client_identifier)) {
    connection.client_id = *id;
  }
  if (const auto seconds = properties.number(PropertyId::server_keep_alive)) {
    connection.keep_alive_s = static_cast<std::uint16_t>(*seconds);
  }
  if (const auto seconds = properties.number(PropertyId::session_expiry_interval)) {
    connection.session_expiry_s = *seconds;
  }
}

// Of flow control, aliases and sizes the client sees the lower of what the broker and Sluice allow.
void set_own_limits(Session& session, protocol::Properties& properties) {
  const ServeConfig& config = session.context().config;
  // The lower one, which need not be said where it is what the specification takes for granted.
  const auto lower = [&](PropertyId id, std::uint32_t ours, std::uint32_t unsaid) {
    const auto limit = std::min(properties.number(id).value_or(unsaid), ours);
    if (limit != unsaid) properties.set(id, limit);
    return limit;
  };
  lower(PropertyId::receive_maximum, config.receive_maximum, 65535);
  session.connection().topic_alias_maximum =
      static_cast<std::uint16_t>(lower(PropertyId::topic_alias_maximum, kTopicAliasMaximum, 0));
  const auto brokers = properties.number(PropertyId::maximum_packet_size);
  const auto limit = std::min(brokers.value_or(config.max_packet_bytes), config.max_packet_bytes);
  if (brokers || limit < protocol::largest_packet_bytes) {
    properties.set(PropertyId::maximum_packet_size, limit);
  }
}

// A Will whose topic belongs to a queue is stored there when it fires; the broker has it as well
// only in copy mode (docs/queues.md section 2), and only if the client may publish it.
void divert_will(Session& session, protocol::Connect& connect) {
  if (!connect.will) return;
  const auto route = session.queues().route(connect.will->topic);
  if (route == dispatch::Route::plain) return;
  session.connection().queue_will = connect.will;
  const bool may = may_publish(session.context().config.acl, session.queues(), session.who(),
                               connect.will->topic);
  if (route == dispatch::Route::divert || !may) connect.will.reset();
}

// The state that this side kept for the session, if the broker still has the session as well.
std::unique_ptr<SessionState> take_state(Session& session, bool session_present) {
  const auto& id = session.connection().client_id;
  if (id.empty()) return nullptr;
  auto& registry = session.context().registry;
  if (Session* other = registry.holder(id); other != nullptr && other != &session) {
    other->end(ReasonCode::session_taken_over, "another client connected as " + id);
  }
  session.context().wills.connected(id, session_present);
  auto kept = registry.take_kept(id, session.queues().now());
  registry.hold(id, session);
  if (session_present) return kept;
  if (kept && kept->recorded) session.queues().put_session(id, {});
  return nullptr;
}

// What of the queues was settled with PUBREC is released again, in its order [MQTT-4.4.0-1]. What
// came from the broker is the broker's to send again.
void resend(Session& session) {
  auto& outgoing = session.state().outgoing;
  for (const auto id : session.state().outgoing_in_order()) {
    if (outgoing.at(id).upstream_id == 0) session.send(protocol::Pubrel{id});
  }
}

}  // namespace

void on_connect(Session& session, protocol::Connect&& connect) {
  note(session.connection(), connect);
  if (connect.properties.has(PropertyId::authentication_method)) {
    refuse(session, ReasonCode::bad_authentication_method,
           "enhanced authentication is not available through sluice");
    return;
  }
  divert_will(session, connect);
  session.open_link(std::move(connect));
}

void on_connack(Session& session, protocol::Connack&& connack) {
  session.context().upstream_health = connack.reason == ReasonCode::server_unavailable
                                          ? UpstreamHealth::unreachable
                                          : UpstreamHealth::reachable;
  if (protocol::is_error(connack.reason)) {
    session.send(connack);
    const std::string* why = connack.properties.text(PropertyId::reason_string);
    session.refused("the broker answered CONNECT with " +
                    std::string(protocol::name(connack.reason)) + (why ? ": " + *why : ""));
    return;
  }
  note(session.connection(), connack);
  auto state = take_state(session, connack.session_present);
  session.opened(std::move(state));
  if (session.v5()) set_own_limits(session, connack.properties);
  session.send(connack);
  resend(session);
  count_plain_in_flight(session);
  send_waiting(session);
  resubscribe(session);
}

void refuse_connect(Session& session, const protocol::DecodeError& error) {
  switch (error.reason) {
    case ReasonCode::unsupported_protocol_version:
    case ReasonCode::client_identifier_not_valid:
      // In the form of 3.1.1, which every version before and after can read.
      session.connection().version = protocol::Version::v3_1_1;
      break;
    default:
      // Perhaps not MQTT at all: nothing is sent [MQTT-4.13.1-1 lets us].
      session.ended_by_client(dispatch::Leave::orderly, error.text);
      return;
  }
  refuse(session, error.reason, error.text);
}

}  // namespace proxy::handlers
