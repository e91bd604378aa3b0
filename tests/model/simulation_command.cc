#include "tests/model/simulation.h"

// Clients that settle by command: a PUBACK at some time, and a word on the delivery at another.

namespace model {

using dispatch::Outcome;

std::optional<dispatch::Time> Simulation::lease_end(const Client& client,
                                                    DeliveryId delivery) const {
  if (const auto found = client.extended.find(delivery); found != client.extended.end())
    return found->second;
  const auto timeout = queues_.at(client.queue).options.ack_timeout;
  if (timeout == dispatch::Duration(0)) return std::nullopt;
  return client.since.at(delivery) + timeout;
}

void Simulation::settle_by_command(Clients::iterator client, DeliveryId delivery) {
  if (!client->second.acknowledged.contains(delivery) && one_in(2))
    return acknowledge(client, delivery);
  if (client->second.held.contains(delivery) && one_in(4)) return extend(client, delivery);
  command(client, delivery);
}

void Simulation::acknowledge(Clients::iterator found, DeliveryId delivery) {
  auto& [id, client] = *found;
  if (client.held.contains(delivery)) {
    client.acknowledged.insert(delivery);
    if (!client.extended.contains(delivery)) client.since[delivery] = now_;
  } else {
    const auto known = client.overdue.erase(delivery) + client.settled_early.erase(delivery);
    must(known == 1, "one state each");
    client.arrived.erase(delivery);
    --connections_.at(client.session).slots;
  }
  take(set_->arrived(client.session, id, delivery, now_));
}

void Simulation::extend(Clients::iterator found, DeliveryId delivery) {
  auto& client = found->second;
  std::optional<dispatch::Duration> time;
  client.extended.erase(delivery);
  client.since[delivery] = now_;
  if (one_in(2)) {
    time = dispatch::Duration(1 + below(3000));
    client.extended[delivery] = now_ + *time;
  }
  auto step = set_->extend({}, client.session, delivery, time, now_);
  must(step.has_value(), "who holds a delivery may extend its lease");
  take(std::move(*step));
}

void Simulation::command(Clients::iterator found, DeliveryId delivery) {
  auto& client = found->second;
  const Outcome outcome = one_in(4) ? static_cast<Outcome>(below(4)) : Outcome::ack;
  auto step = set_->settle_by_command({}, client.session, delivery, {outcome, {}, {}}, now_);
  must(step.has_value() == client.held.contains(delivery), "commands are for who holds a delivery");
  if (!step) return;
  ReferenceQueue& queue = queues_.at(client.queue);
  if (outcome == Outcome::release && queue.options.release_pause > dispatch::Duration(0))
    client.paused_until = now_ + queue.options.release_pause;
  queue.settle(client.held.at(delivery), outcome, now_);
  client.held.erase(delivery);
  client.extended.erase(delivery);
  if (client.acknowledged.erase(delivery) > 0) {
    client.arrived.erase(delivery);
    --connections_.at(client.session).slots;
  } else {
    client.settled_early.insert(delivery);
  }
  take(std::move(*step));
}

}  // namespace model
