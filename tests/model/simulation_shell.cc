#include <algorithm>
#include <iterator>
#include <utility>

#include "tests/model/simulation.h"

// The part of the shell in the simulation: steps, the journal, and what must hold.

namespace model {

using dispatch::QueueId;
using dispatch::Step;

namespace {

constexpr std::uint64_t kMaxPassedOver = 5;
constexpr std::uint64_t kMaxDelayed = 9;  // large ones: as much as is kept in memory

}  // namespace

// --- The shell ---

// What a step does to the books happens at once; what it asks of the world happens on commit.
void Simulation::take(Step&& step) {
  check_redriven(step);
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

void Simulation::note_definition(const dispatch::Write& write) {
  const auto* define = std::get_if<dispatch::DefineQueue>(&write);
  if (define == nullptr) return;
  auto [queue, added] = queues_.try_emplace(define->queue, define->options);
  must(added || queue->second.options.name == define->options.name, "queue ids are not reused");
  queue->second.options = define->options;
}

void Simulation::note(const dispatch::Write& write) {
  note_definition(write);
  if (const auto* append = std::get_if<dispatch::Append>(&write)) {
    ReferenceQueue& queue = queues_.at(append->queue);
    queue.append(*append);
    if (dispatch::holds_dead_letters(queue.options)) origin_of(queue).died(*append);
  } else if (const auto* settle = std::get_if<dispatch::Settle>(&write)) {
    queues_.at(settle->queue).end(*settle);
  }
}

// What leaves the dead letters enters its queue in the same commit.
void Simulation::check_redriven(const Step& step) const {
  for (const auto& write : step.writes) {
    const auto* settle = std::get_if<dispatch::Settle>(&write);
    if (settle == nullptr || settle->end != dispatch::End::redriven) continue;
    const auto& payload = queues_.at(settle->queue).items.at(settle->first).message->payload;
    must(std::ranges::any_of(step.writes,
                             [&](const auto& w) {
                               const auto* append = std::get_if<dispatch::Append>(&w);
                               return append != nullptr && append->message->payload == payload &&
                                      !append->message->dead_letter;
                             }),
         "a redriven message is in its queue");
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
  client.since[deliver.delivery] = now_;
  must(deliver.settled_by_command == client.by_command, "who settles how is known");
  if (deliver.settled_by_command) client.commanded.insert(deliver.delivery);
  must(client.held.emplace(deliver.delivery, deliver.offset).second, "deliveries differ");
  ++connections_.at(client.session).slots;
}

bool Simulation::has_credit(const Client& client) const {
  const Connection& connection = connections_.at(client.session);
  return connection.writable && client.paused_until <= now_ &&
         connection.slots + connection.plain < connection.limits.receive_maximum &&
         client.held.size() + client.overdue.size() < queues_.at(client.queue).options.max_inflight;
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
    // Reclaimed early, or later.
    const auto queue = committed_.queues.find(settle->queue);
    if (one_in(2) && queue->second.gone.contains(settle->first))
      stored_[settle->queue].erase(settle->first);
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
    if (client != clients_.end() && (client->second.held.contains(deliver->delivery) ||
                                     client->second.overdue.contains(deliver->delivery)))
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
      if (kept->second.keeps(offset)) {
        must(stored_[id].contains(offset), "no accepted message lost");
        continue;
      }
      ReferenceQueue& queue = queues_.at(id);
      const auto& item = queue.items.at(offset);
      if (item.dead) {
        const auto dead = committed_.queues.find(id_of(dead_letters_of(queue)));
        must(dead != committed_.queues.end() && item.dead_at < dead->second.next,
             "no accepted message lost");
        continue;
      }
      must(item.acked || item.purged || item.superseded, "no accepted message lost");
    }
}

void Simulation::check_books() const {
  const auto states = set_->states();
  must(states == written_, "the fold of the writes is the state");
  must(states.queues.size() == queues_.size(), "definitions are kept");
  for (const auto& [id, queue] : queues_) {
    queue.compare(states.queues.at(id));
    if (dispatch::holds_dead_letters(queue.options)) continue;
    const ReferenceQueue* dead = dead_letters_of(queue);
    const auto stats = set_->stats(queue.options.name, now_).value();
    must(stats.ready == queue.ready_count(), "ready is counted");
    must(stats.dead == (dead == nullptr ? 0 : dead->kept_count()), "dead is counted");
    must(stats.delayed == queue.delayed_count(), "delayed is counted");
    must(stats.in_flight == queue.in_flight_count(), "in flight is counted");
    must(stats.stored_total == queue.next.value - 1, "stored is counted");
    must(stats.ended_as(dispatch::End::lost) == 0, "no message is lost");
    must(stats.consumers > 0 || stats.ready_bytes_loaded <= kLimits.window_bytes + 6000,
         "an idle queue keeps little in memory");
  }
}

bool Simulation::all_could_take_more(QueueId queue) const {
  return std::ranges::all_of(clients_, [&](const auto& entry) {
    const Client& client = entry.second;
    return client.queue != queue || (has_credit(client) && !is_narrow(client));
  });
}

void Simulation::check_nothing_stalls() {
  for (const auto& [id, client] : clients_) {
    const ReferenceQueue& queue = queues_.at(client.queue);
    // Large messages that nobody takes are passed over within limits only.
    const bool may_stall = is_narrow(client) && queue.large_ready_count() > kMaxPassedOver;
    if (queue.delayed_count() >= kMaxDelayed) continue;
    if (queue.options.dispatch == dispatch::Strategy::key_affinity) {
      must(!all_could_take_more(client.queue) || queue.first_free_lane() == nullptr,
           "a consumer with credit gets what is ready");
      continue;
    }
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
