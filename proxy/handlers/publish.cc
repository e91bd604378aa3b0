#include "dispatch/queue_address.h"
#include "proxy/handlers/handlers.h"
#include "proxy/log.h"
#include "proxy/message.h"
#include "proxy/protocol/encode.h"
#include "proxy/rights.h"
#include "proxy/session.h"

namespace proxy::handlers {
namespace {

using protocol::PropertyId;
using protocol::Publish;
using protocol::QoS;
using protocol::ReasonCode;

// Of a PUBLISH to a queue: the largest packet of MQTT less room for what delivery adds to it.
constexpr std::size_t kMostQueuedBytes = protocol::largest_packet_bytes - 256 * 1024;

// What the broker may send to a client that doesn't acknowledge, beyond its Receive Maximum.
constexpr std::size_t kMaxWaitingBytes = 32 * 1024 * 1024;

// Puts the topic in the place of its alias [MQTT-3.3.2.3.4]. Aliases end at this hop.
bool resolve_alias(Session& session, Publish& publish) {
  const auto alias = publish.properties.number(PropertyId::topic_alias);
  if (!alias) return true;
  publish.properties.remove(PropertyId::topic_alias);
  auto& aliases = session.connection().topic_aliases;
  if (*alias > session.connection().topic_alias_maximum) {
    session.end(ReasonCode::topic_alias_invalid, "Topic Alias above the Topic Alias Maximum");
    return false;
  }
  if (!publish.topic.empty()) {
    aliases.insert_or_assign(static_cast<std::uint16_t>(*alias), publish.topic);
    return true;
  }
  const auto known = aliases.find(static_cast<std::uint16_t>(*alias));
  if (known == aliases.end()) {
    session.end(ReasonCode::protocol_error, "a Topic Alias that stands for no topic");
    return false;
  }
  publish.topic = known->second;
  if (protocol::publish_size(publish, publish.payload.size(), session.connection().version) <=
      protocol::largest_packet_bytes)
    return true;
  session.end(ReasonCode::packet_too_large, "too large with the topic that its alias stands for");
  return false;
}

// True if this QoS 2 packet identifier is under way already: the PUBLISH is a repetition and must
// not be stored or forwarded again [MQTT-4.3.3-10].
bool is_repeated(Session& session, const Publish& publish) {
  if (publish.qos != QoS::exactly_once) return false;
  auto& incoming = session.state().incoming;
  const auto known = incoming.find(publish.packet_id);
  if (known == incoming.end()) return false;
  if (known->second.answered) {
    protocol::Pubrec pubrec;
    pubrec.packet_id = publish.packet_id;
    session.send(pubrec);
  } else if (known->second.owner == Incoming::Owner::interrupted) {
    if (known->second.epoch != session.queues().journal_epoch()) {
      incoming.erase(known);
      return false;
    }
    known->second.owner = Incoming::Owner::queue;
    session.publish_begun();
    session.queues().confirm(session.queue_session(), publish.packet_id);
  }
  return true;
}

bool is_reserved(std::string_view topic) {
  return dispatch::is_queue_topic(topic) || topic.starts_with("$queue/");
}

dispatch::MessageRef message_of(Session& session, Publish&& publish) {
  const auto& connection = session.connection();
  return make_message(std::move(publish), connection.client_id, connection.username,
                      session.queues().now());
}

// Remembers a publish that is to be answered.
void begin(Session& session, const Publish& publish, Incoming::Owner owner) {
  if (publish.qos == QoS::at_most_once) return;
  session.publish_begun();
  if (publish.qos == QoS::exactly_once) {
    session.state().incoming.insert_or_assign(
        publish.packet_id, Incoming{owner, false, session.queues().journal_epoch()});
  }
}

void divert(Session& session, Publish&& publish) {
  session.connection().produces = true;
  begin(session, publish, Incoming::Owner::queue);
  const auto packet_id = publish.packet_id;
  store(session, packet_id, message_of(session, std::move(publish)));
}

// Upstream first: what the broker refuses is not stored (docs/queues.md section 2).
void copy(Session& session, Publish&& publish) {
  session.connection().produces = true;
  begin(session, publish, Incoming::Owner::both);
  auto message = message_of(session, Publish(publish));
  if (publish.qos == QoS::at_most_once) {
    store(session, 0, std::move(message));
  } else {
    session.copying.insert_or_assign(publish.packet_id, std::move(message));
  }
  session.link().send(std::move(publish));
}

void refuse_topic(Session& session, const Publish& publish) {
  const std::string why =
      "queues are filled by publishing to the topics of their filters, not to " + publish.topic;
  if (!session.v5()) {
    session.end(ReasonCode::topic_name_invalid, why);
  } else if (publish.qos == QoS::at_most_once) {
    log().warn("a QoS 0 publish of {} is dropped: {}", session.connection().client_id, why);
  } else {
    begin(session, publish, Incoming::Owner::queue);
    answer_publish(session, publish.packet_id, publish.qos, ReasonCode::topic_name_invalid, why);
  }
}

// A command for a delivery; the answer is the acknowledgement (docs/queues.md section 5).
void settle_by_command(Session& session, const Publish& publish) {
  const auto command = parse_settle_command(publish.topic, publish.payload);
  begin(session, publish, Incoming::Owner::queue);
  if (!command) {
    log().debug("{}: {}", session.client_id(), command.error().text);
    const auto reason = command.error().kind == dispatch::ErrorKind::unfit
                            ? ReasonCode::payload_format_invalid
                            : ReasonCode::topic_name_invalid;
    answer_publish(session, publish.packet_id, publish.qos, reason, command.error().text);
    return;
  }
  if (session.queues().command(session.queue_session(), publish.packet_id, *command)) return;
  answer_publish(session, publish.packet_id, publish.qos, ReasonCode::no_matching_subscribers,
                 "the delivery is not this client's any more");
}

// True if the [[acl]] rules forbid the publish, which has been answered then.
bool is_forbidden(Session& session, const Publish& publish) {
  if (may_publish(session.context().config.acl, session.queues(), session.who(), publish.topic))
    return false;
  ++session.context().traffic.publishes_denied;
  const std::string why = "this client may not publish to '" + publish.topic + "'";
  log().warn("a publish of {} is refused: {}", session.client_id(), why);
  if (publish.qos == QoS::at_most_once) return true;
  begin(session, publish, Incoming::Owner::queue);
  answer_publish(session, publish.packet_id, publish.qos, ReasonCode::not_authorized, why);
  return true;
}

// True if the message could never be delivered; it has been answered then.
bool is_too_large(Session& session, const Publish& publish) {
  const auto bytes = protocol::publish_size(publish, publish.payload.size(), protocol::Version::v5);
  if (bytes <= kMostQueuedBytes) return false;
  const std::string why = "a message of " + std::to_string(bytes) + " bytes, at most " +
                          std::to_string(kMostQueuedBytes) + " fit into a queue";
  log().warn("a publish of {} is refused: {}", session.client_id(), why);
  if (publish.qos == QoS::at_most_once) return true;
  begin(session, publish, Incoming::Owner::queue);
  answer_publish(session, publish.packet_id, publish.qos, ReasonCode::quota_exceeded, why);
  return true;
}

ReasonCode reason_for(const dispatch::Error& why) {
  switch (why.kind) {
    case dispatch::ErrorKind::full:
      return ReasonCode::quota_exceeded;
    case dispatch::ErrorKind::unfit:
      return ReasonCode::payload_format_invalid;
    default:
      return ReasonCode::implementation_specific_error;
  }
}

void send_plain(Session& session, Publish&& publish) {
  auto& state = session.state();
  const auto upstream_id = publish.packet_id;
  if (const auto known = state.find_plain(upstream_id)) {
    // The broker sends it again, or has given up that message and uses the identifier for another.
    Outgoing& flight = state.outgoing.at(known);
    state.wake(flight);
    flight.qos = publish.qos;
    flight.released = false;
    publish.packet_id = known;
  } else {
    publish.packet_id = state.id_for_plain(upstream_id);
    Outgoing flight;
    flight.upstream_id = upstream_id;
    flight.qos = publish.qos;
    state.add_outgoing(publish.packet_id, flight);
  }
  session.send(publish);
}

// Not sent, and done with, as if it were [MQTT-3.1.2-25].
void discard(Session& session, const Publish& publish) {
  if (publish.qos == QoS::at_least_once) {
    session.link().send(protocol::Puback{publish.packet_id});
  } else if (publish.qos == QoS::exactly_once) {
    const auto reason = ReasonCode::implementation_specific_error;
    session.link().send(protocol::Pubrec{publish.packet_id, reason, {}});
  }
}

}  // namespace

void on_publish(Session& session, Publish&& publish) {
  if (!resolve_alias(session, publish) || is_repeated(session, publish)) return;
  if (session.v5() && publish.topic.starts_with(kSettlePrefix)) {
    settle_by_command(session, publish);
    return;
  }
  if (is_reserved(publish.topic)) {
    refuse_topic(session, publish);
    return;
  }
  if (is_forbidden(session, publish)) return;
  const auto route = session.queues().route(publish.topic);
  if (route != dispatch::Route::plain && is_too_large(session, publish)) return;
  switch (route) {
    case dispatch::Route::plain:
      begin(session, publish, Incoming::Owner::upstream);
      session.link().send(std::move(publish));
      return;
    case dispatch::Route::divert:
      divert(session, std::move(publish));
      return;
    case dispatch::Route::copy:
      copy(session, std::move(publish));
      return;
  }
}

void store(Session& session, protocol::PacketId packet_id, dispatch::MessageRef message) {
  const auto stored =
      session.queues().publish(session.queue_session(), packet_id, std::move(message));
  if (!stored) on_store_failed(session, packet_id, stored.error());
}

void on_stored(Session& session, protocol::PacketId packet_id) {
  const bool twice = session.state().incoming.contains(packet_id);
  answer_publish(session, packet_id, twice ? QoS::exactly_once : QoS::at_least_once,
                 ReasonCode::success, {});
}

void on_store_failed(Session& session, protocol::PacketId packet_id, const dispatch::Error& why) {
  if (packet_id == 0) {
    log().warn("a QoS 0 publish of {} is dropped: {}", session.connection().client_id, why.text);
    return;
  }
  const bool twice = session.state().incoming.contains(packet_id);
  answer_publish(session, packet_id, twice ? QoS::exactly_once : QoS::at_least_once,
                 reason_for(why), why.text);
}

void on_broker_publish(Session& session, Publish&& publish) {
  if (protocol::publish_size(publish, publish.payload.size(), session.connection().version) >
      session.connection().max_packet_bytes) {
    discard(session, publish);
    return;
  }
  if (publish.qos == QoS::at_most_once) {
    if (session.outbound_bytes() < session.context().config.max_outbound_bytes) {
      session.send(publish);
    } else {
      log().debug("a QoS 0 message to {} is dropped: it reads too slowly",
                  session.connection().client_id);
    }
    return;
  }
  auto& state = session.state();
  if (state.waiting.empty() && session.has_room()) {
    send_plain(session, std::move(publish));
    count_plain_in_flight(session);
    return;
  }
  state.waiting_bytes += publish.payload.size() + publish.topic.size();
  state.waiting.push_back(std::move(publish));
  if (state.waiting_bytes > kMaxWaitingBytes) {
    session.end(ReasonCode::quota_exceeded, "too many messages wait for acknowledgements");
  }
}

void send_waiting(Session& session) {
  session.deliver_held();
  auto& state = session.state();
  while (!state.waiting.empty() && session.has_room()) {
    Publish publish = std::move(state.waiting.front());
    state.waiting.pop_front();
    state.waiting_bytes -= publish.payload.size() + publish.topic.size();
    send_plain(session, std::move(publish));
  }
}

void count_plain_in_flight(Session& session) {
  const auto& state = session.state();
  if (state.queue_subscriptions.empty()) return;
  session.queues().set_plain_in_flight(session.queue_session(),
                                       static_cast<std::uint32_t>(state.in_flight() - state.slots));
}

}  // namespace proxy::handlers
