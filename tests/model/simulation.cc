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

constexpr std::uint32_t kNarrowPacketBytes = 2000;
constexpr std::uint64_t kMaxBacklog = 400;  // of one queue, before publishing pauses
constexpr std::uint64_t kMaxPassedOver = 5;
constexpr std::uint64_t kMaxDelayed = 9;  // large ones: as much as is kept in memory
constexpr const char* kFilters[] = {"a/+", "a/#", "#", "b/x", "+/0", "a/1"};
constexpr const char* kTopics[] = {"a/0", "a/1", "a/2", "b/x", "c/0", "a/b/c"};
constexpr dispatch::CoreLimits kLimits{.window_messages = 8, .window_bytes = 6000};

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
  settle_down();
}

// The shell's timer fires as soon as it may.
void Simulation::tick() {
  const auto deadline = set_->next_deadline();
  for (const auto& [id, queue] : queues_)
    must(!queue.first_due() || (deadline && *deadline <= *queue.first_due()),
         "a deadline for everything that waits for time");
  if (!deadline || *deadline > now_) return;
  for (auto& [id, queue] : queues_) queue.wake(now_);
  take(set_->tick(now_));
}

dispatch::QueueOptions Simulation::make_options() {
  dispatch::QueueOptions options;
  options.name = "q" + std::to_string(++serial_);
  options.filter = kFilters[below(std::size(kFilters))];
  options.mode = one_in(2) ? dispatch::Mode::copy : dispatch::Mode::divert;
  options.dispatch = static_cast<dispatch::Strategy>(below(3));
  options.last_value = one_in(2);
  if (one_in(2)) options.key = {"property:k", "topic:1"};
  options.max_inflight = static_cast<std::uint32_t>(1 + below(6));
  options.metadata = one_in(2);
  options.retry_delay = dispatch::Duration(one_in(2) ? 0 : below(300));
  options.retry_multiplier = static_cast<std::uint32_t>(1 + below(3));
  options.retry_delay_max = dispatch::Duration(below(2000));
  options.retry_jitter = 0;  // so that the reference knows when a message is due
  return options;
}

void Simulation::create_queue() {
  const auto options = make_options();
  const bool taken = std::ranges::any_of(
      queues_, [&](const auto& q) { return q.second.options.filter == options.filter; });
  auto created = set_->create(dispatch::RequestId{++serial_}, options, now_);
  must(created.has_value() != taken, "a filter belongs to one queue");
  if (created) take(std::move(*created));
}

void Simulation::update_queue() {
  if (queues_.empty()) return;
  auto options = any_of(queues_)->second.options;
  const auto other = make_options();
  options.mode = other.mode;
  options.dispatch = other.dispatch;
  options.max_inflight = other.max_inflight;
  options.metadata = other.metadata;
  options.retry_delay = other.retry_delay;
  take(set_->update(dispatch::RequestId{++serial_}, options, now_).value());
}

void Simulation::remove_queue() {
  if (queues_.size() < 2) return;
  const auto found = any_of(queues_);
  const auto name = found->second.options.name;
  for (const ConsumerId id : set_->consumers_of(name)) forget_client(id, Leave::orderly);
  removed_.insert(queues_.extract(found));
  take(set_->remove(dispatch::RequestId{++serial_}, name, now_).value());
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
  take(std::move(step));
}

void Simulation::subscribe() {
  if (connections_.empty() || queues_.empty()) return;
  const auto session = any_of(connections_);
  const auto queue = any_of(queues_);
  dispatch::QueueAddress address;
  address.filter = queue->second.options.filter;
  auto subscribed = set_->subscribe(session->first, address, now_).value();
  const auto known = clients_.find(subscribed.consumer);
  const bool again = known != clients_.end();
  if (again) {
    must(known->second.session == session->first && known->second.queue == queue->first &&
             subscribed.step.empty(),
         "subscribing again gives the same consumer");
    return;
  }
  clients_[subscribed.consumer] = Client{session->first, queue->first, {}, {}};
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
  connection.to_free += static_cast<std::uint32_t>(client.held.size());
}

void Simulation::settle() {
  if (clients_.empty()) return;
  const auto client = any_of(clients_);
  if (client->second.arrived.empty()) return;
  const auto arrived = any_of(client->second.arrived);
  const DeliveryId delivery = *arrived;
  const Offset offset = client->second.held.at(delivery);
  const Outcome outcome =
      one_in(4) ? static_cast<Outcome>(below(4)) : Outcome::ack;  // mostly they work
  client->second.arrived.erase(arrived);
  client->second.held.erase(delivery);
  queues_.at(client->second.queue).settle(offset, outcome, now_);
  const auto session = client->second.session;
  take(set_->settle(client->first, delivery, outcome, now_));
  ++connections_.at(session).to_free;
  if (!one_in(8)) free_slots();
}

void Simulation::settle_nonsense() {
  if (clients_.empty()) return;
  const auto client = any_of(clients_);
  DeliveryId delivery{below(deliveries_ + 1)};
  if (client->second.held.contains(delivery)) return;
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
  queues_.merge(removed_);
  check_accepted();
  accepted_.clear();

  std::erase_if(queues_, [&](const auto& q) { return !committed_.queues.contains(q.first); });
  if (clean)
    for (const auto& [id, queue] : queues_)
      for (const auto& [offset, item] : queue.items)
        must(item.where == ReferenceQueue::Where::done ||
                 item.failed == committed_.queues.at(id).groups.at({1}).attempts[offset],
             "restart keeps attempts");
  written_ = committed_;
  for (const auto& [id, state] : committed_.queues)
    queues_.try_emplace(id, state.options).first->second.restart(state);
  set_ = std::make_unique<dispatch::QueueSet>(random_(), kLimits);
  auto states = committed_;
  take(set_->restore(std::move(states), now_));
  for (int i = 0; i < 4; ++i) open_session();
  for (int i = 0; i < 8; ++i) subscribe();
}

// --- The shell ---

// What a step does to the books happens at once; what it asks of the world happens on commit.
void Simulation::take(Step&& step) {
  for (const auto& write : step.writes) {
    must(dispatch::apply(written_, write).has_value(), "writes never contradict each other");
    note(write);
  }
  for (const auto& action : step.actions)
    if (const auto* deliver = std::get_if<dispatch::Deliver>(&action)) {
      note(*deliver);
      if (!deliver->after_commit) perform(action);
    }
  if (!step.empty()) uncommitted_.push_back(std::move(step));
}

void Simulation::note(const dispatch::Write& write) {
  if (const auto* define = std::get_if<dispatch::DefineQueue>(&write)) {
    auto [queue, added] = queues_.try_emplace(define->queue, define->options);
    must(added || queue->second.options.name == define->options.name, "queue ids are not reused");
    queue->second.options = define->options;
  } else if (const auto* append = std::get_if<dispatch::Append>(&write)) {
    queues_.at(append->queue).append(*append);
  }
}

void Simulation::note(const dispatch::Deliver& deliver) {
  ++deliveries_;
  must(clients_.contains(deliver.consumer), "only consumers get messages");
  Client& client = clients_.at(deliver.consumer);
  must(client.session == deliver.session && client.queue == deliver.queue,
       "only consumers get messages");
  must(has_credit(client), "credit is never exceeded");
  must(!is_narrow(client) || !is_large(*deliver.message), "no packet is too large");
  must(deliver.after_commit || is_durable(deliver.queue, deliver.offset),
       "without a commit only durable messages are delivered");
  queues_.at(deliver.queue).deliver(deliver, is_narrow(client));
  must(client.held.emplace(deliver.delivery, deliver.offset).second, "deliveries differ");
  ++connections_.at(client.session).slots;
}

bool Simulation::has_credit(const Client& client) const {
  const Connection& connection = connections_.at(client.session);
  return connection.writable &&
         connection.slots + connection.plain < connection.limits.receive_maximum &&
         client.held.size() < queues_.at(client.queue).options.max_inflight;
}

bool Simulation::is_narrow(const Client& client) const {
  return connections_.at(client.session).limits.max_packet_bytes == kNarrowPacketBytes;
}

bool Simulation::is_durable(QueueId queue, Offset offset) const {
  const auto found = committed_.queues.find(queue);
  return found != committed_.queues.end() && offset < found->second.next;
}

void Simulation::commit_one() {
  const Step step = std::move(uncommitted_.front());
  uncommitted_.pop_front();
  for (const auto& write : step.writes) store(write);
  for (const auto& action : step.actions) {
    const auto* deliver = std::get_if<dispatch::Deliver>(&action);
    if (deliver == nullptr || deliver->after_commit) perform(action);
  }
}

void Simulation::store(const dispatch::Write& write) {
  must(dispatch::apply(committed_, write).has_value(), "writes never contradict each other");
  if (const auto* append = std::get_if<dispatch::Append>(&write)) {
    stored_[append->queue][append->offset] = append->message;
    set_->durable(append->queue, dispatch::next(append->offset));
  } else if (const auto* settle = std::get_if<dispatch::Settle>(&write)) {
    must(settle->end != dispatch::End::lost, "no message is lost");
    if (one_in(2)) stored_[settle->queue].erase(settle->first);  // reclaimed early, or later
  } else if (const auto* deleted = std::get_if<dispatch::DeleteQueue>(&write)) {
    stored_.erase(deleted->queue);
    removed_.erase(deleted->queue);
  }
}

void Simulation::perform(const dispatch::Action& action) {
  if (const auto* accept = std::get_if<dispatch::Accept>(&action)) {
    if (const auto found = waiting_.find(accept->request); found != waiting_.end()) {
      accepted_.push_back(found->second);
      waiting_.erase(found);
    }
  } else if (const auto* load = std::get_if<dispatch::Load>(&action)) {
    answers_.push_back({*load, read(*load)});
  } else if (const auto* deliver = std::get_if<dispatch::Deliver>(&action)) {
    const auto client = clients_.find(deliver->consumer);
    if (client != clients_.end() && client->second.held.contains(deliver->delivery))
      client->second.arrived.insert(deliver->delivery);
  }
}

std::vector<dispatch::StoredMessage> Simulation::read(const dispatch::Load& load) {
  std::vector<dispatch::StoredMessage> found;
  std::uint64_t bytes = 0;
  const auto& stored = stored_[load.queue];
  for (auto it = stored.lower_bound(load.from); it != stored.end() && it->first < load.end; ++it) {
    bytes += it->second->size_bytes();
    const bool enough = found.size() >= load.max_messages || bytes > load.max_bytes || one_in(20);
    if (!found.empty() && enough) break;
    found.push_back({it->first, it->second});
  }
  return found;
}

void Simulation::answer_one() {
  const auto found =
      std::next(answers_.begin(), static_cast<std::ptrdiff_t>(below(answers_.size())));
  Answer answer = std::move(*found);
  answers_.erase(found);
  take(set_->loaded(answer.load, std::move(answer.messages), now_));
}

// --- Checks ---

// No accepted message lost: it is kept, or some consumer said it is done, or a newer value of its
// key took its place.
void Simulation::check_accepted() {
  for (const Published& published : accepted_)
    for (const auto& [id, offset] : published.places) {
      const auto kept = committed_.queues.find(id);
      if (kept == committed_.queues.end()) continue;  // the queue was deleted
      must(offset < kept->second.next, "no accepted message lost");
      if (!kept->second.groups.at(dispatch::kDefaultGroup).settled.contains(offset)) {
        must(stored_[id].contains(offset), "no accepted message lost");
        continue;
      }
      const ReferenceQueue& queue = queues_.at(id);
      must(queue.items.at(offset).acked || !queue.is_latest(offset), "no accepted message lost");
    }
}

void Simulation::check_books() const {
  const auto states = set_->states();
  must(states == written_, "the fold of the writes is the state");
  must(states.queues.size() == queues_.size(), "definitions are kept");
  for (const auto& [id, queue] : queues_) {
    queue.compare(states.queues.at(id));
    const auto stats = set_->stats(queue.options.name, now_).value();
    must(stats.ready == queue.ready_count(), "ready is counted");
    must(stats.delayed == queue.delayed_count(), "delayed is counted");
    must(stats.in_flight == queue.in_flight_count(), "in flight is counted");
    must(stats.stored_total == queue.next.value - 1, "stored is counted");
    must(stats.lost_total == 0, "no message is lost");
    must(stats.consumers > 0 || stats.ready_bytes_loaded <= kLimits.window_bytes + 6000,
         "an idle queue keeps little in memory");
  }
}

void Simulation::check_nothing_stalls() {
  for (const auto& [id, client] : clients_) {
    const ReferenceQueue& queue = queues_.at(client.queue);
    // Large messages that nobody takes are passed over within limits only.
    const bool may_stall = is_narrow(client) && queue.large_ready_count() > kMaxPassedOver;
    if (queue.delayed_count() >= kMaxDelayed) continue;
    must(!has_credit(client) || queue.first_eligible(is_narrow(client)) == nullptr || may_stall,
         "a consumer with credit gets what is ready");
  }
}

void Simulation::settle_down() {
  while (!uncommitted_.empty() || !answers_.empty()) {
    while (!uncommitted_.empty()) commit_one();
    if (!answers_.empty()) answer_one();
  }
  check_nothing_stalls();
  check_books();
}

}  // namespace model
