#include "proxy/handlers/handlers.h"
#include "proxy/session.h"

namespace proxy::handlers {
namespace {

using protocol::ReasonCode;

ReasonCode unsubscribe_from_queue(Session& session, const std::string& filter) {
  const auto subscription = session.state().queue_subscriptions.extract(filter);
  if (subscription.empty()) return ReasonCode::no_subscription_existed;
  // One consumer may stand behind two spellings of an address.
  const auto consumer = subscription.mapped().consumer;
  if (session.state().find(consumer) == nullptr) session.queues().unsubscribe(consumer);
  return ReasonCode::success;
}

// One UNSUBACK with the reasons in the order of the request [MQTT-3.11.3-1].
void finish(Session& session, const protocol::Unsubscribe& unsubscribe,
            protocol::Unsuback&& brokers) {
  protocol::Unsuback unsuback;
  unsuback.packet_id = unsubscribe.packet_id;
  unsuback.properties = std::move(brokers.properties);
  std::size_t next_of_broker = 0;
  for (const auto& filter : unsubscribe.filters) {
    if (session.means_queue(filter)) {
      unsuback.reasons.push_back(unsubscribe_from_queue(session, filter));
    } else {
      unsuback.reasons.push_back(next_of_broker < brokers.reasons.size()
                                     ? brokers.reasons[next_of_broker++]
                                     : ReasonCode::success);
    }
  }
  session.record_subscriptions([&session, unsuback] { session.send(unsuback); });
}

}  // namespace

void on_unsubscribe(Session& session, protocol::Unsubscribe&& unsubscribe) {
  protocol::Unsubscribe plain;
  plain.packet_id = unsubscribe.packet_id;
  plain.properties = unsubscribe.properties;
  for (const auto& filter : unsubscribe.filters) {
    if (!session.means_queue(filter)) plain.filters.push_back(filter);
  }
  if (plain.filters.empty()) {
    finish(session, unsubscribe, {});
    return;
  }
  session.unsubscribing.emplace(unsubscribe.packet_id, std::move(unsubscribe));
  session.link().send(std::move(plain));
}

void on_unsuback(Session& session, protocol::Unsuback&& unsuback) {
  const auto first = session.unsubscribing.lower_bound(unsuback.packet_id);
  if (first == session.unsubscribing.end() || first->first != unsuback.packet_id) return;
  const auto pending = session.unsubscribing.extract(first);
  finish(session, pending.mapped(), std::move(unsuback));
}

}  // namespace proxy::handlers
