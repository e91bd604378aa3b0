#include "tests/model/simulation.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "dispatch/topic.h"

namespace model {

using dispatch::Leave;
using dispatch::Outcome;
using dispatch::QueueId;
using dispatch::SessionId;
using dispatch::Step;

namespace {

constexpr std::uint64_t kMaxBacklog = 400;  // of one queue, before publishing pauses
constexpr const char* kFilters[] = {"a/+", "a/#", "#", "b/x", "+/0", "a/1"};
constexpr const char* kTopics[] = {"a/0", "a/1", "a/2", "b/x", "c/0", "a/b/c"};

}  // namespace

Simulation::Simulation(std::uint64_t seed)
    : random_(seed), set_(std::make_unique<dispatch::QueueSet>(seed, kLimits)) {
  create_queue();
}

template <class Map>
typename Map::iterator Simulation::any_of(Map& map) {
  return std::next(map.begin(), static_cast<std::ptrdiff_t>(below(map.size())));
}

// --- Events ---

void Simulation::event() {
  now_ += dispatch::Duration(below(20));
  tick();
  const auto dice = below(10000);
  if (dice < 2800) return publish();
  if (dice < 6600) return settle();
  if (dice < 8000) return commit();
  if (dice < 9000) return answer_load();
  if (dice < 9250) return free_slots();
  if (dice < 9500) return subscribe();
  if (dice < 9550) return unsubscribe();
  if (dice < 9620) return plain_traffic();
  if (dice < 9720) return toggle_writable();
  if (dice < 9840) return open_session();
  if (dice < 9880) return close_session();
  if (dice < 9940) return settle_nonsense();
  if (dice < 9960) return create_queue();
  if (dice < 9970) return update_queue();
  if (dice < 9985) return remove_queue();
  if (dice < 9990) return restart();
  if (dice < 9993) return purge();
  if (dice < 9997) return redrive();
  settle_down();
}

// The shell's timer fires as soon as it may.
void Simulation::tick() {
  const auto deadline = set_->next_deadline();
  for (const auto& [id, queue] : queues_)
    must(!queue.first_due() || (deadline && *deadline <= *queue.first_due()),
         "a deadline for everything that waits for time");
  for (const auto& [id, client] : clients_) {
    must(client.paused_until <= before_ || (deadline && *deadline <= client.paused_until),
         "a deadline for everything that waits for time");
    for (const auto& [delivery, offset] : client.held) {
      const auto end = lease_end(client, delivery);
      must(!end || (deadline && *deadline <= *end),
           "a deadline for everything that waits for time");
    }
  }
  before_ = now_;
  if (!deadline || *deadline > now_) return;
  for (auto& [id, client] : clients_) time_out(client);
  for (auto& [id, queue] : queues_) queue.wake(now_);
  take(set_->tick(now_));
}

void Simulation::time_out(Client& client) {
  ReferenceQueue& queue = queues_.at(client.queue);
  for (auto it = client.held.begin(); it != client.held.end();) {
    const auto found = it++;
    const auto delivery = found->first;
    const auto end = lease_end(client, delivery);
    if (!end || *end > now_) continue;
    queue.settle(found->second, Outcome::retry, now_);
    client.extended.erase(delivery);
    if (client.acknowledged.erase(delivery) == 0) {
      client.overdue.insert(client.held.extract(found));
      continue;
    }
    client.held.erase(found);
    client.arrived.erase(delivery);
    --connections_.at(client.session).slots;
  }
}

dispatch::QueueOptions Simulation::make_options() {
  dispatch::QueueOptions options;
  options.name = "q" + std::to_string(++serial_);
  options.filter = kFilters[below(std::size(kFilters))];
  options.mode = one_in(2) ? dispatch::Mode::copy : dispatch::Mode::divert;
  options.dispatch = static_cast<dispatch::Strategy>(below(4));  // not exclusive
  options.last_value = one_in(2);
  if (one_in(2)) options.key = {"property:k", "topic:1"};
  options.max_inflight = static_cast<std::uint32_t>(1 + below(6));
  options.metadata = one_in(2);
  options.max_deliveries = static_cast<std::uint32_t>(below(4));
  options.ack_timeout = dispatch::Duration(one_in(2) ? 0 : 100 + below(2000));
  options.release_pause = dispatch::Duration(one_in(2) ? 0 : below(500));
  options.retry_delay = dispatch::Duration(one_in(2) ? 0 : below(300));
  options.retry_multiplier = static_cast<std::uint32_t>(1 + below(3));
  options.retry_delay_max = dispatch::Duration(below(2000));
  options.retention = dispatch::Duration(0);
  options.retry_jitter = 0;  // so that the reference knows when a message is due
  return options;
}

void Simulation::create_queue() {
  const auto options = make_options();
  const bool taken = std::ranges::any_of(
      queues_, [&](const auto& q) { return q.second.options.filter == options.filter; });
  auto created = set_->create(dispatch::RequestId{++serial_}, options, now_);
  must(created.has_value() != taken, "a filter belongs to one queue");
  if (!created) return;
  for (const auto& write : created->writes) note_definition(write);
  house(options.filter);
  take(std::move(*created));
}

// Consumers of a deleted queue get the messages of the one that comes in its place.
void Simulation::house(const std::string& filter) {
  const auto found = std::ranges::find_if(
      queues_, [&](const auto& q) { return q.second.options.filter == filter; });
  for (auto it = homeless_.begin(); it != homeless_.end();) {
    const auto& [id, homeless] = *it;
    if (homeless.filter != filter) {
      ++it;
      continue;
    }
    const auto queue = homeless.dead ? id_of(dead_letters_of(found->second)) : found->first;
    Client& client = clients_[id] = Client{homeless.session, queue, {}, {}, {}, {}, {}};
    client.by_command = homeless.by_command;
    connections_.at(homeless.session).consumers.insert(id);
    it = homeless_.erase(it);
  }
}

void Simulation::update_queue() {
  const ReferenceQueue* queue = any_queue();
  if (queue == nullptr) return;
  auto options = queue->options;
  const auto other = make_options();
  options.mode = other.mode;
  options.dispatch = other.dispatch;
  options.max_inflight = other.max_inflight;
  options.metadata = other.metadata;
  options.max_deliveries = other.max_deliveries;
  options.retry_delay = other.retry_delay;
  options.release_pause = other.release_pause;
  options.ack_timeout = other.ack_timeout;
  take(set_->update(dispatch::RequestId{++serial_}, options, now_).value());
}

void Simulation::remove_queue() {
  const ReferenceQueue* queue = any_queue();
  if (queues_.size() < 2 || queue == nullptr) return;
  const auto name = queue->options.name;
  for (const ConsumerId id : set_->consumers_of(name)) {
    const Client& client = clients_.at(id);
    const bool dead = dispatch::holds_dead_letters(queues_.at(client.queue).options);
    homeless_[id] = Homeless{client.session, queue->options.filter, dead, client.by_command};
    forget_client(id, Leave::orderly);
  }
  for (auto it = queues_.begin(); it != queues_.end();) {
    const auto found = it++;
    if (found->second.options.name == name) removed_.insert(queues_.extract(found));
  }
  take(set_->remove(dispatch::RequestId{++serial_}, name, now_).value());
}

void Simulation::purge() {
  const ReferenceQueue* queue = any_queue();
  if (queue == nullptr) return;
  const auto& name = queue->options.name;
  take(one_in(2) ? set_->purge({}, name, now_).value() : set_->purge_dead({}, name, now_).value());
}

void Simulation::redrive() {
  ReferenceQueue* queue = any_queue();
  const ReferenceQueue* dead = queue == nullptr ? nullptr : dead_letters_of(*queue);
  if (dead == nullptr) return;
  std::optional<Offset> offset;
  if (one_in(2)) offset = Offset{below(dead->next.value + 1)};
  auto step = set_->redrive({}, queue->options.name, offset, now_);
  const auto item = offset ? dead->items.find(*offset) : dead->items.end();
  const bool there = item != dead->items.end() && item->second.where != ReferenceQueue::Where::done;
  must(step.has_value() == (!offset || there), "only dead letters are redriven");
  if (step) take(std::move(*step));
}

ReferenceQueue* Simulation::any_queue() {
  std::vector<ReferenceQueue*> found;
  for (auto& [id, queue] : queues_)
    if (!dispatch::holds_dead_letters(queue.options)) found.push_back(&queue);
  return found.empty() ? nullptr : found[below(found.size())];
}

QueueId Simulation::id_of(const ReferenceQueue* wanted) const {
  return std::ranges::find_if(queues_, [&](auto& q) { return &q.second == wanted; })->first;
}

ReferenceQueue& Simulation::origin_of(const ReferenceQueue& dead) {
  for (auto& [id, queue] : queues_)
    if (queue.options.name == dead.options.name && &queue != &dead) return queue;
  throw BrokenInvariant("dead letters have a queue");
}

const ReferenceQueue* Simulation::dead_letters_of(const ReferenceQueue& origin) const {
  for (const auto& [id, queue] : queues_)
    if (queue.options.name == origin.options.name && &queue != &origin) return &queue;
  return nullptr;
}

dispatch::MessageRef Simulation::make_message() {
  auto message = std::make_shared<dispatch::Message>();
  message->topic = kTopics[below(std::size(kTopics))];
  message->payload = std::to_string(++serial_);
  if (one_in(50)) message->payload.resize(kLargePayloadBytes, 'x');
  if (!one_in(4)) message->properties.user.push_back({"k", std::to_string(below(4))});
  message->stored_at = now_;
  return message;
}

void Simulation::publish() {
  auto message = make_message();
  bool full = false;
  Published published;
  for (const auto& [id, queue] : queues_) {
    if (!dispatch::topic_matches(queue.options.filter, message->topic)) continue;
    full = full || queue.ready_count() >= kMaxBacklog;
    published.places.emplace_back(id, queue.next);
  }
  const bool plain = set_->route(message->topic) == dispatch::Route::plain;
  must(plain == published.places.empty(), "a message goes to every matching queue");
  if (plain || full) return;
  const dispatch::RequestId request{++serial_};
  waiting_[request] = published;
  take(set_->publish(request, message, now_).value());
  for (const auto& [id, offset] : published.places)
    must(queues_.at(id).next > offset, "a message goes to every matching queue");
}

void Simulation::open_session() {
  if (connections_.size() >= 6) return;
  const SessionId id{++serial_};
  Connection& connection = connections_[id];
  if (one_in(2)) connection.limits.receive_maximum = static_cast<std::uint16_t>(1 + below(8));
  if (one_in(3)) connection.limits.max_packet_bytes = kNarrowPacketBytes;
  set_->open_session(id, connection.limits);
}

void Simulation::close_session() {
  if (connections_.empty()) return;
  const auto found = any_of(connections_);
  const auto id = found->first;
  const auto leave = one_in(2) ? Leave::lost : Leave::orderly;
  // Messages return per consumer, and the core may hand them out in between: so must we.
  const auto consumers = found->second.consumers;
  Step step = set_->close_session(id, leave, now_);
  for (const ConsumerId consumer : consumers) forget_client(consumer, leave);
  connections_.erase(id);
  std::erase_if(homeless_, [&](const auto& h) { return h.second.session == id; });
  take(std::move(step));
}

void Simulation::subscribe() {
  const ReferenceQueue* queue = any_queue();
  if (connections_.empty() || queue == nullptr) return;
  const auto session = any_of(connections_);
  dispatch::QueueAddress address;
  address.filter = queue->options.filter;
  address.dead = one_in(6);
  const bool by_command = one_in(3);
  auto subscribed =
      set_->subscribe(session->first, address, now_, dispatch::IfMissing::refuse, by_command)
          .value();
  const auto known = clients_.find(subscribed.consumer);
  // The queue of dead letters may come into being with this step.
  for (const auto& write : subscribed.step.writes) note_definition(write);
  const auto id = id_of(address.dead ? dead_letters_of(*queue) : queue);
  if (known != clients_.end()) {
    must(known->second.session == session->first && known->second.queue == id &&
             subscribed.step.empty(),
         "subscribing again gives the same consumer");
    known->second.by_command = by_command;
    return;
  }
  Client& client = clients_[subscribed.consumer] = Client{session->first, id, {}, {}, {}, {}, {}};
  client.by_command = by_command;
  session->second.consumers.insert(subscribed.consumer);
  take(std::move(subscribed.step));
}

void Simulation::unsubscribe() {
  if (clients_.empty()) return;
  const auto id = any_of(clients_)->first;
  Step step = set_->unsubscribe(id, now_);
  forget_client(id, Leave::orderly);
  take(std::move(step));
}

void Simulation::forget_client(ConsumerId id, Leave leave) {
  const Client client = clients_.at(id);
  clients_.erase(id);
  std::set<Offset> offsets;
  for (const auto& [delivery, offset] : client.held) offsets.insert(offset);
  for (const Offset offset : offsets) queues_.at(client.queue).leave(offset, leave);
  Connection& connection = connections_.at(client.session);
  connection.consumers.erase(id);
  const auto free = static_cast<std::uint32_t>(client.acknowledged.size());
  connection.slots -= free;
  connection.to_free += static_cast<std::uint32_t>(client.held.size() + client.overdue.size() +
                                                   client.settled_early.size()) -
                        free;
}

void Simulation::settle() {
  if (clients_.empty()) return;
  const auto client = any_of(clients_);
  if (client->second.arrived.empty()) return;
  const auto arrived = any_of(client->second.arrived);
  const DeliveryId delivery = *arrived;
  if (client->second.commanded.contains(delivery)) return settle_by_command(client, delivery);
  const bool late = client->second.overdue.contains(delivery);
  const Offset offset = (late ? client->second.overdue : client->second.held).at(delivery);
  const Outcome outcome =
      one_in(4) ? static_cast<Outcome>(below(4)) : Outcome::ack;  // mostly they work
  client->second.arrived.erase(arrived);
  client->second.held.erase(delivery);
  client->second.overdue.erase(delivery);
  ReferenceQueue& queue = queues_.at(client->second.queue);
  if (!late && outcome == Outcome::release && queue.options.release_pause > dispatch::Duration(0))
    client->second.paused_until = now_ + queue.options.release_pause;
  if (!late)
    queue.settle(offset, outcome, now_);
  else if (outcome == Outcome::ack)
    queue.acknowledge_late(offset);
  const auto session = client->second.session;
  take(set_->settle(client->first, delivery, outcome, now_));
  ++connections_.at(session).to_free;
  if (!one_in(8)) free_slots();
}

void Simulation::settle_nonsense() {
  if (clients_.empty()) return;
  const auto client = any_of(clients_);
  DeliveryId delivery{below(deliveries_ + 1)};
  if (client->second.held.contains(delivery) || client->second.overdue.contains(delivery)) return;
  must(set_->settle(client->first, delivery, Outcome::ack, now_).empty(),
       "a delivery that is not the consumer's is ignored");
}

void Simulation::free_slots() {
  for (auto& [id, connection] : connections_)
    for (; connection.to_free > 0; --connection.to_free) {
      --connection.slots;
      take(set_->free_slot(id, now_));
    }
}

void Simulation::plain_traffic() {
  if (connections_.empty()) return;
  const auto found = any_of(connections_);
  found->second.plain = static_cast<std::uint32_t>(below(4));
  take(set_->set_plain_in_flight(found->first, found->second.plain, now_));
}

void Simulation::toggle_writable() {
  if (connections_.empty()) return;
  const auto found = any_of(connections_);
  found->second.writable = !one_in(3);
  take(set_->set_writable(found->first, found->second.writable, now_));
}

void Simulation::commit() {
  for (auto n = below(uncommitted_.size() + 1); n > 0; --n) commit_one();
}

void Simulation::answer_load() {
  if (!answers_.empty()) answer_one();
}

// The process dies: what is not committed is gone, with every connection.
void Simulation::restart() {
  ++restarts_;
  const bool clean = one_in(2);
  while (clean && !uncommitted_.empty()) commit_one();
  uncommitted_.clear();
  answers_.clear();
  waiting_.clear();
  connections_.clear();
  clients_.clear();
  homeless_.clear();
  queues_.merge(removed_);
  check_accepted();
  accepted_.clear();

  std::erase_if(queues_, [&](const auto& q) { return !committed_.queues.contains(q.first); });
  if (clean)
    for (const auto& [id, queue] : queues_)
      for (const auto& [offset, item] : queue.items)
        must(item.where == ReferenceQueue::Where::done || committed_.queues.at(id).groups.empty() ||
                 item.failed == committed_.queues.at(id).groups.begin()->second.attempts[offset],
             "restart keeps attempts");
  written_ = committed_;
  for (const auto& [id, state] : committed_.queues)
    queues_.try_emplace(id, state.options()).first->second.restart(state);
  set_ = std::make_unique<dispatch::QueueSet>(random_(), kLimits);
  auto states = committed_;
  take(set_->restore(std::move(states), now_));
  for (int i = 0; i < 4; ++i) open_session();
  for (int i = 0; i < 8; ++i) subscribe();
}

}  // namespace model
