#include "dispatch/invariant.h"
#include "dispatch/queue_set_impl.h"

// Settling by command: the PUBACK says that a delivery has arrived, and the client's word on it
// comes later, for as long as the delivery is its own.

namespace dispatch {

namespace {

Consumer* holder_of(const Session* session, DeliveryId delivery) {
  if (session == nullptr) return nullptr;
  for (Consumer* consumer : session->consumers) {
    const auto found = consumer->held.find(delivery);
    if (found != consumer->held.end() && found->second.settled_by_command) return consumer;
  }
  return nullptr;
}

}  // namespace

Step QueueSet::arrived(SessionId session_id, ConsumerId consumer_id, DeliveryId delivery,
                       Time now) {
  Session* session = find_in(impl_->sessions, session_id);
  if (session == nullptr) return {};
  Consumer* consumer = find_in(impl_->consumers, consumer_id);
  Turn turn{now};
  const bool goes_on = consumer != nullptr && consumer->group != nullptr &&
                       consumer->group->arrived(*consumer, delivery, turn);
  if (!goes_on) {
    INVARIANT(session->slots_used > 0, "a slot is freed that is not used");
    --session->slots_used;
    impl_->wake(*session, turn);
  }
  return impl_->finish(turn);
}

std::optional<Step> QueueSet::settle_by_command(RequestId request, SessionId session,
                                                DeliveryId delivery, const Settlement& settlement,
                                                Time now) {
  Consumer* consumer = holder_of(find_in(impl_->sessions, session), delivery);
  if (consumer == nullptr) return std::nullopt;
  Turn turn{now};
  consumer->group->settle(*consumer, delivery, settlement, turn);
  if (request) turn.step.actions.push_back(Accept{request});
  return impl_->finish(turn);
}

std::optional<Step> QueueSet::extend(RequestId request, SessionId session, DeliveryId delivery,
                                     std::optional<Duration> time, Time now) {
  Consumer* consumer = holder_of(find_in(impl_->sessions, session), delivery);
  if (consumer == nullptr) return std::nullopt;
  Turn turn{now};
  consumer->group->extend(*consumer, delivery, time, turn);
  if (request) turn.step.actions.push_back(Accept{request});
  return impl_->finish(turn);
}

}  // namespace dispatch
