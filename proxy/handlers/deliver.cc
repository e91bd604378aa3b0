// A message of a queue on its way to a consumer: the PUBLISH that carries it.

#include <chrono>

#include "proxy/handlers/handlers.h"
#include "proxy/log.h"
#include "proxy/protocol/encode.h"
#include "proxy/protocol/utf8.h"
#include "proxy/rfc3339.h"
#include "proxy/session.h"

namespace proxy::handlers {
namespace {

using protocol::Properties;
using protocol::PropertyId;
using protocol::QoS;

// The publisher's own properties, as they came; of the expiry, what is left [MQTT-3.3.2-6].
void add_application(Properties& properties, const dispatch::Message& message, dispatch::Time now) {
  const auto& kept = message.properties;
  if (kept.payload_format)
    properties.add(PropertyId::payload_format_indicator, *kept.payload_format);
  if (const auto expires_at = message.expires_at()) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(*expires_at - now).count();
    properties.add(PropertyId::message_expiry_interval,
                   static_cast<std::uint32_t>(std::max<std::int64_t>(left, 0)));
  }
  if (kept.content_type) properties.add(PropertyId::content_type, *kept.content_type);
  if (kept.response_topic) properties.add(PropertyId::response_topic, *kept.response_topic);
  if (kept.correlation_data) properties.add(PropertyId::correlation_data, *kept.correlation_data);
  for (const auto& [name, value] : kept.user) properties.add_user(name, value);
}

// What Sluice knows of the message (docs/queues.md section 3).
void add_metadata(Properties& properties, const dispatch::Deliver& delivery,
                  const dispatch::QueueOptions& queue) {
  properties.add_user("q-queue", queue.name);
  properties.add_user("q-offset", std::to_string(delivery.offset.value));
  properties.add_user("q-attempt", std::to_string(delivery.attempt));
  properties.add_user("q-time", rfc3339(delivery.message->stored_at));
  if (!delivery.message->publisher.empty()) {
    properties.add_user("q-publisher", delivery.message->publisher);
  }
  // A key out of a payload may be more than a user property can say [MQTT-1.5.4].
  const bool key_fits = delivery.key.size() <= 0xFFFF && protocol::valid_utf8(delivery.key);
  if (!delivery.key.empty() && key_fits) properties.add_user("q-key", delivery.key);
  if (const auto& dead = delivery.message->dead_letter) {
    properties.add_user("q-dead-reason", dead->reason);
    properties.add_user("q-dead-time", rfc3339(dead->at));
    properties.add_user("q-origin", std::to_string(dead->origin.value));
  }
}

protocol::Publish make_publish(Session& session, const dispatch::Deliver& delivery,
                               const QueueSubscription& subscription) {
  protocol::Publish publish;
  publish.qos = subscription.qos;
  publish.topic = delivery.message->topic;
  if (!session.v5()) return publish;
  add_application(publish.properties, *delivery.message, session.queues().now());
  if (subscription.subscription_id) {
    publish.properties.add(PropertyId::subscription_identifier, *subscription.subscription_id);
  }
  const auto* queue = session.queues().options_of(delivery.queue);
  if (queue != nullptr && queue->metadata) add_metadata(publish.properties, delivery, *queue);
  if (delivery.settled_by_command) {
    publish.properties.add_user("q-delivery", session.queues().name_of(delivery.delivery));
  }
  return publish;
}

}  // namespace

void on_delivery(Session& session, dispatch::Deliver&& delivery) {
  const QueueSubscription* subscription = session.state().find(delivery.consumer);
  if (subscription == nullptr) {  // unsubscribed while this was on its way: the queue has it back
    session.free_slot_soon();
    return;
  }
  protocol::Publish publish = make_publish(session, delivery, *subscription);
  if (protocol::publish_size(publish, delivery.message->payload.size(),
                             session.connection().version) >
      session.connection().max_packet_bytes) {
    // The queue core leaves room for what we add, so this needs hundreds of user properties.
    session.end_soon(protocol::ReasonCode::packet_too_large,
                     "a queued message is larger than the client's Maximum Packet Size");
    return;
  }
  if (publish.qos == QoS::at_most_once) {
    session.send(publish, delivery.message);
    session.settle_when_written(delivery);
    return;
  }
  publish.packet_id = session.state().free_packet_id();
  session.send(publish, delivery.message);
  Outgoing flight;
  flight.consumer = delivery.consumer;
  flight.delivery = delivery.delivery;
  flight.holds_slot = true;
  flight.settled_by_command = delivery.settled_by_command;
  flight.qos = publish.qos;
  ++session.state().slots;
  session.state().add_outgoing(publish.packet_id, flight);
}

}  // namespace proxy::handlers
