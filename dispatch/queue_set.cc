#include "dispatch/queue_set.h"

#include <algorithm>
#include <utility>

#include "dispatch/invariant.h"
#include "dispatch/queue_set_impl.h"

namespace dispatch {

namespace {

constexpr int kMostAlarms = 1024;  // of a tick

Result<void> check_change(const QueueOptions& from, const QueueOptions& to) {
  const auto refuse = [&](std::string_view option) {
    return invalid("queue '" + to.name + "': " + std::string(option) +
                   " can't be changed while the queue exists; delete it and create it again");
  };
  if (from.filter != to.filter) return refuse("filter");
  if (from.last_value != to.last_value) return refuse("last_value");
  if (from.per_topic != to.per_topic) return refuse("per_topic");
  return {};
}

}  // namespace

QueueSet::QueueSet(std::uint64_t seed, CoreLimits limits) : impl_(std::make_unique<Impl>()) {
  impl_->shared.seed = seed;
  impl_->shared.random = Random(seed);
  impl_->shared.limits = limits;
  impl_->shared.memory.set_limit(limits.budget_bytes);
}
QueueSet::~QueueSet() = default;
QueueSet::QueueSet(QueueSet&&) noexcept = default;
QueueSet& QueueSet::operator=(QueueSet&&) noexcept = default;

Step QueueSet::restore(QueueStates&& states, Time now) {
  INVARIANT(impl_->queues.empty(), "restored over living queues");
  Turn turn{now};
  impl_->next_queue = states.next_id;
  // One after another, so that many queues don't all ask the journal at once.
  Time look_at = now;
  for (auto& [id, state] : states.queues) {
    look_at += Duration(1);
    impl_->add(std::make_unique<Queue>(std::move(state), impl_->shared, now, look_at));
  }
  return impl_->finish(turn);
}

// --- Definitions ---

Result<Step> QueueSet::create(RequestId request, const QueueOptions& options, Time now,
                              const MayConsume& may_consume) {
  if (auto checked = impl_->check_new(options); !checked) return checked.error();
  Turn turn{now};
  Queue& queue = impl_->create(options, turn);
  if (request) turn.step.actions.push_back(Accept{request});
  impl_->house(impl_->waiting_for(queue), may_consume, turn);
  return impl_->finish(turn);
}

Result<Step> QueueSet::update(RequestId request, const QueueOptions& options, Time now) {
  if (const Queue* mailbox = impl_->find_named(options.name);
      mailbox != nullptr && mailbox->state().is_mailbox())
    return with_template(*mailbox, "its options are those of");
  if (auto checked = check_options(options); !checked) return checked.error();
  Queue* queue = find_in(impl_->by_name, options.name);
  if (queue == nullptr) return no_queue(options.name);
  if (auto changeable = check_change(queue->options(), options); !changeable)
    return changeable.error();
  Turn turn{now};
  queue->update(options, turn);
  for (const auto& [topic, mailbox] : impl_->mailboxes_of(*queue)) mailbox->follow(*queue, turn);
  if (Queue* dead = impl_->dead_letters_of(*queue))
    dead->update(dead_letter_options(options), turn);
  impl_->known_topics.clear();
  if (request) turn.step.actions.push_back(Accept{request});
  return impl_->finish(turn);
}

// A template goes after its mailboxes: each write is to find what it needs.
Result<Step> QueueSet::remove(RequestId request, std::string_view name, Time now,
                              const MayConsume& may_consume) {
  Queue* queue = impl_->find_named(name);
  if (queue == nullptr) return no_queue(name);
  Turn turn{now};
  std::vector<Queue*> all;
  if (queue->state().is_mailbox())
    impl_->queues.at(queue->state().template_queue)->take_totals_of(*queue, turn);
  else if (Queue* dead = impl_->dead_letters_of(*queue))
    all.push_back(dead);
  for (Queue* part : impl_->parts_of(*queue)) all.push_back(part);
  if (queue->is_template()) all.push_back(queue);
  std::vector<Consumer*> evicted;
  for (Queue* part : all) {
    const QueueId id = part->id();
    turn.step.writes.push_back(DeleteQueue{id});
    const auto of_it = impl_->erase(*part, turn);
    evicted.insert(evicted.end(), of_it.begin(), of_it.end());
    turn.roomier.push_back(id);
  }
  if (request) turn.step.actions.push_back(Accept{request});
  impl_->house(evicted, may_consume, turn);
  return impl_->finish(turn);
}

// --- Producing ---

Route QueueSet::route(std::string_view topic) const {
  const auto& queues = impl_->matches(topic);
  if (queues.empty()) return Route::plain;
  const bool diverts = std::ranges::any_of(
      queues, [](const Queue* queue) { return queue->options().mode == Mode::divert; });
  return diverts ? Route::divert : Route::copy;
}

// --- Consuming ---

void QueueSet::open_session(SessionId session, SessionLimits limits) {
  auto& opened = impl_->sessions[session];
  INVARIANT(opened == nullptr, "a session is opened twice");
  opened = std::make_unique<Session>();
  opened->id = session;
  opened->limits = limits;
}

Step QueueSet::close_session(SessionId session_id, Leave leave, Time now) {
  Session* session = find_in(impl_->sessions, session_id);
  if (session == nullptr) return {};
  Turn turn{now};
  const auto leaving = session->consumers;
  for (Consumer* consumer : leaving) {
    if (consumer->group != nullptr) consumer->group->leave(*consumer, leave, turn);
    impl_->forget(*consumer);
  }
  for (const auto& publish : impl_->waiting.of_publisher(session_id)) {
    impl_->waiting.remove(publish);
    turn.step.actions.push_back(
        Refuse{publish->request, {ErrorKind::full, "its publisher has gone"}});
  }
  impl_->sessions.erase(session_id);
  return impl_->finish(turn);
}

Result<QueueSet::Subscribed> QueueSet::subscribe(SessionId session_id, const QueueAddress& address,
                                                 Time now, IfMissing if_missing,
                                                 bool settles_by_command) {
  Session* session = find_in(impl_->sessions, session_id);
  INVARIANT(session != nullptr, "a session subscribes that is not open");
  for (Consumer* consumer : session->consumers)
    if (consumer->address == address &&
        (consumer->group != nullptr || if_missing == IfMissing::wait)) {
      consumer->settles_by_command = settles_by_command;
      return Subscribed{consumer->id, {}};
    }
  Turn turn{now};
  const auto found = impl_->find_queue(address, turn);
  if (!found) return found.error();
  Queue* queue = *found;
  if (queue == nullptr && if_missing == IfMissing::refuse)
    return not_found("no queue has the filter '" + address.filter + "'");
  Consumer& consumer = impl_->add_consumer(*session, address);
  consumer.settles_by_command = settles_by_command;
  if (queue == nullptr) {
    impl_->homeless[address.filter].push_back(&consumer);
  } else if (auto settled = impl_->settle_in(consumer, *queue, turn); !settled) {
    session->forget(consumer);
    impl_->forget(consumer);
    return settled.error();
  }
  return Subscribed{consumer.id, impl_->finish(turn)};
}

Step QueueSet::unsubscribe(ConsumerId id, Time now) {
  Consumer* consumer = find_in(impl_->consumers, id);
  if (consumer == nullptr) return {};
  Turn turn{now};
  consumer->session->forget(*consumer);
  if (consumer->group != nullptr) consumer->group->leave(*consumer, Leave::orderly, turn);
  impl_->forget(*consumer);
  return impl_->finish(turn);
}

Step QueueSet::settle(ConsumerId id, DeliveryId delivery, Outcome outcome, Time now,
                      std::string_view reason) {
  Consumer* consumer = find_in(impl_->consumers, id);
  if (consumer == nullptr || consumer->group == nullptr) return {};
  Turn turn{now};
  consumer->group->settle(*consumer, delivery, {outcome, reason}, turn);
  return impl_->finish(turn);
}

Step QueueSet::free_slot(SessionId id, Time now) {
  Session* session = find_in(impl_->sessions, id);
  if (session == nullptr) return {};
  INVARIANT(session->slots_used > 0, "a slot is freed that is not used");
  --session->slots_used;
  Turn turn{now};
  impl_->wake(*session, turn);
  return impl_->finish(turn);
}

Step QueueSet::set_plain_in_flight(SessionId id, std::uint32_t count, Time now) {
  Session* session = find_in(impl_->sessions, id);
  if (session == nullptr) return {};
  session->plain_in_flight = count;
  Turn turn{now};
  impl_->wake(*session, turn);
  return impl_->finish(turn);
}

Step QueueSet::set_writable(SessionId id, bool writable, Time now) {
  Session* session = find_in(impl_->sessions, id);
  if (session == nullptr) return {};
  session->writable = writable;
  Turn turn{now};
  impl_->wake(*session, turn);
  return impl_->finish(turn);
}

// --- Journal and time ---

Step QueueSet::loaded(const Load& load, std::vector<StoredMessage> messages, Time now) {
  Queue* queue = find_in(impl_->queues, load.queue);
  if (queue == nullptr) return {};
  Turn turn{now};
  if (load.reader == Reader::redrive)
    impl_->redriven(*queue, load, messages, turn);
  else
    queue->loaded(load, std::move(messages), turn);
  return impl_->finish(turn);
}

void QueueSet::durable(QueueId id, Offset end) {
  if (Queue* queue = find_in(impl_->queues, id)) queue->durable(end);
}

Step QueueSet::tick(Time now) {
  Turn turn{now};
  // The others are due at once again: many mailboxes that go together don't hold everybody up.
  for (int i = 0; i < kMostAlarms; ++i) {
    const auto due = impl_->shared.alarms.take_due(now);
    if (!due) break;
    // It may have been deleted meanwhile.
    if (Queue* queue = find_in(impl_->queues, due->first)) queue->tick(due->second, turn);
  }
  return impl_->finish(turn);
}

std::uint64_t QueueSet::ready_memory_bytes() const { return impl_->shared.memory.used_bytes(); }

std::optional<Time> QueueSet::next_deadline() const { return impl_->shared.alarms.first(); }

// --- Looking ---

QueueStats QueueSet::Impl::stats(const Queue& queue, Time now) const {
  QueueStats stats = queue.stats(now);
  if (queue.state().is_mailbox()) return stats;
  const auto& all = mailboxes_of(queue);
  stats.mailboxes = all.size();
  for (const auto& [topic, mailbox] : all) mailbox->add_counts(stats, now);
  if (const Queue* dead = dead_letters_of(queue)) {
    stats.dead = dead->state().kept();
    stats.redriven_total = dead->state().ended[index_of(End::redriven)];
  }
  return stats;
}

std::optional<QueueStats> QueueSet::stats(std::string_view name, Time now) const {
  const Queue* queue = impl_->find_named(name);
  if (queue == nullptr) return std::nullopt;
  return impl_->stats(*queue, now);
}

std::vector<QueueStats> QueueSet::all_stats(Time now) const {
  std::vector<QueueStats> all;
  for (const auto& [name, queue] : impl_->by_name) all.push_back(impl_->stats(*queue, now));
  return all;
}

std::string QueueSet::name_of_filter(std::string_view filter) const {
  const Queue* queue = find_in(impl_->by_filter, filter);
  if (queue == nullptr) queue = impl_->template_of(filter);
  return queue == nullptr ? std::string() : queue->options().name;
}

const QueueOptions* QueueSet::options_of(QueueId id) const {
  const Queue* queue = find_in(impl_->queues, id);
  return queue == nullptr ? nullptr : &queue->options();
}

std::vector<ConsumerId> QueueSet::consumers_of(std::string_view name) const {
  std::vector<ConsumerId> ids;
  Queue* queue = impl_->find_named(name);
  if (queue == nullptr) return ids;
  for (const Queue* part : impl_->parts_of(*queue))
    for (const Consumer* consumer : part->consumers()) ids.push_back(consumer->id);
  if (queue->state().is_mailbox()) return ids;
  if (const Queue* dead = impl_->dead_letters_of(*queue))
    for (const Consumer* consumer : dead->consumers()) ids.push_back(consumer->id);
  return ids;
}

QueueStates QueueSet::states() const {
  QueueStates states;
  states.next_id = impl_->next_queue;
  for (const auto& [id, queue] : impl_->queues) states.queues[id] = queue->state();
  return states;
}

}  // namespace dispatch
