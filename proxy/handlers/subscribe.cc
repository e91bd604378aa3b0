#include <algorithm>

#include "dispatch/queue_address.h"
#include "dispatch/topic.h"
#include "proxy/handlers/handlers.h"
#include "proxy/log.h"
#include "proxy/rights.h"
#include "proxy/session.h"

namespace proxy::handlers {
namespace {

using protocol::PropertyId;
using protocol::ReasonCode;

ReasonCode granted(protocol::QoS qos) { return static_cast<ReasonCode>(qos); }

// The filter that goes with the name of a `$queue/` address. A queue of that name which isn't there
// can still be waited for, or made, by a filter that was given.
dispatch::Result<dispatch::QueueAddress> with_filter(const Session& session,
                                                     dispatch::QueueAddress address) {
  if (address.name.empty()) return address;
  const auto* queue = session.queues().options_of(address.name);
  if (queue == nullptr && address.filter.empty())
    return dispatch::Error{dispatch::ErrorKind::not_found,
                           "no queue is named '" + address.name + "'"};
  if (queue == nullptr) return address;
  if (address.filter.empty()) address.filter = queue->filter;
  const bool is_mailbox = queue->per_topic && !dispatch::has_wildcard(address.filter) &&
                          dispatch::topic_matches(queue->filter, address.filter);
  if (address.filter != queue->filter && !is_mailbox)
    return dispatch::Error{
        dispatch::ErrorKind::not_found,
        "queue '" + address.name + "' has another filter than '" + address.filter + "'"};
  return address;
}

// The client settles by command (docs/queues.md section 5).
bool asks_for_commands(const protocol::Properties& properties) {
  return std::ranges::any_of(properties.items(), [](const protocol::Property& property) {
    return property.id == PropertyId::user_property &&
           std::get<protocol::StringPair>(property.value) ==
               protocol::StringPair{"settle", "explicit"};
  });
}

// Subscribes to one queue; the reason code for SUBACK. `why` is set if it is refused.
ReasonCode subscribe_to_queue(Session& session, const protocol::Subscription& wanted,
                              const protocol::Properties& properties, std::string& why) {
  const auto written = dispatch::parse_queue_address(wanted.filter);
  if (!written) {
    why = written.error().text;
    return session.v5() ? ReasonCode::topic_filter_invalid : ReasonCode::unspecified_error;
  }
  const auto address = with_filter(session, *written);
  if (!address) {
    why = address.error().text;
    return ReasonCode::unspecified_error;
  }
  const auto policy = session.context().config.missing_queue;
  if (!may_consume(session.context().config.acl, session.queues(), session.who(), *address,
                   policy)) {
    why = "this client may not consume from '" + wanted.filter + "'";
    log().warn("{} may not consume from {}", session.client_id(), wanted.filter);
    return session.v5() ? ReasonCode::not_authorized : ReasonCode::unspecified_error;
  }
  if (policy == MissingQueue::create) {
    session.queues().create_missing(*address, session.context().config.queue_defaults);
  }
  const auto if_missing =
      policy == MissingQueue::wait ? dispatch::IfMissing::wait : dispatch::IfMissing::refuse;
  const bool by_command = asks_for_commands(properties);
  const auto consumer =
      session.queues().subscribe(session.queue_session(), *address, if_missing, by_command);
  if (!consumer) {
    why = consumer.error().text;
    return ReasonCode::unspecified_error;
  }
  session.state().queue_subscriptions.insert_or_assign(
      wanted.filter, QueueSubscription{*written, wanted.qos,
                                       properties.number(PropertyId::subscription_identifier),
                                       by_command, *consumer});
  return granted(wanted.qos);
}

// A subscription that was granted before, for this connection. Whoever comes back may be another
// user, and the configuration may be another: what isn't granted any more stays a subscription that
// gets nothing.
void rejoin(Session& session, const std::string& filter, QueueSubscription& subscription) {
  const auto refuse = [&](std::string_view why) {
    log().warn("{} has {} of an earlier connection no more: {}", session.client_id(), filter, why);
  };
  if (!session.means_queue(filter)) return refuse("[compat] emqx_prefix is off");
  const auto address = with_filter(session, subscription.address);
  if (!address) return refuse(address.error().text);
  if (!may_consume(session.context().config.acl, session.queues(), session.who(), *address,
                   MissingQueue::wait))
    return refuse("it may not consume from it");
  // The queue may have been deleted meanwhile: then there is nothing to consume, unless it comes
  // again.
  const auto consumer =
      session.queues().subscribe(session.queue_session(), *address, dispatch::IfMissing::wait,
                                 subscription.settles_by_command);
  if (consumer) subscription.consumer = *consumer;
}

// Answers a SUBSCRIBE: the broker's reasons for its filters, ours for the queues, in the order of
// the request [MQTT-3.9.3-1]. Queues come last, so that a client that dies meanwhile holds none.
void finish(Session& session, const protocol::Subscribe& subscribe, protocol::Suback&& brokers) {
  protocol::Suback suback;
  suback.packet_id = subscribe.packet_id;
  suback.properties = std::move(brokers.properties);
  std::string why;
  std::size_t next_of_broker = 0;
  session.hold_deliveries();
  for (const auto& wanted : subscribe.subscriptions) {
    if (session.means_queue(wanted.filter)) {
      suback.reasons.push_back(subscribe_to_queue(session, wanted, subscribe.properties, why));
    } else {
      suback.reasons.push_back(next_of_broker < brokers.reasons.size()
                                   ? brokers.reasons[next_of_broker++]
                                   : ReasonCode::unspecified_error);
    }
  }
  if (!why.empty() && session.connection().problem_information) {
    suback.properties.set(PropertyId::reason_string, why);
  }
  session.record_subscriptions([&session, suback] {
    session.send(suback);
    session.release_deliveries();
  });
}

}  // namespace

void on_subscribe(Session& session, protocol::Subscribe&& subscribe) {
  protocol::Subscribe plain;
  plain.packet_id = subscribe.packet_id;
  plain.properties = subscribe.properties;
  for (const auto& wanted : subscribe.subscriptions) {
    if (!session.means_queue(wanted.filter)) plain.subscriptions.push_back(wanted);
  }
  if (plain.subscriptions.empty()) {
    finish(session, subscribe, {});
    return;
  }
  session.subscribing.emplace(subscribe.packet_id, std::move(subscribe));
  session.link().send(std::move(plain));
}

void on_suback(Session& session, protocol::Suback&& suback) {
  const auto first = session.subscribing.lower_bound(suback.packet_id);
  if (first == session.subscribing.end() || first->first != suback.packet_id) return;
  const auto pending = session.subscribing.extract(first);
  finish(session, pending.mapped(), std::move(suback));
}

void resubscribe(Session& session) {
  count_plain_in_flight(session);
  session.hold_deliveries();
  for (auto& [filter, subscription] : session.state().queue_subscriptions)
    rejoin(session, filter, subscription);
  session.release_deliveries();
}

}  // namespace proxy::handlers
