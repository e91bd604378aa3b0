#include "dispatch/queue_set.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "dispatch/consumer.h"
#include "dispatch/invariant.h"
#include "dispatch/queue.h"
#include "dispatch/topic_index.h"

namespace dispatch {

namespace {

// How many topics, and how long ones, have their queues remembered. When the table is full it is
// emptied: looking up again is cheap, and topics in use come back at once.
constexpr std::size_t kMaxKnownTopics = 16384;
constexpr std::size_t kMaxKnownTopicBytes = 256;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};
template <class T>
using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

Error not_found(std::string text) { return {ErrorKind::not_found, std::move(text)}; }

Result<void> check_change(const QueueOptions& from, const QueueOptions& to) {
  const auto refuse = [&](std::string_view option) {
    return invalid("queue '" + to.name + "': " + std::string(option) +
                   " can't be changed while the queue exists; delete it and create it again");
  };
  if (from.filter != to.filter) return refuse("filter");
  if (from.last_value != to.last_value) return refuse("last_value");
  if (from.last_value && from.key != to.key) return refuse("key");
  return {};
}

template <class Map, class Key>
auto* find_in(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : std::to_address(found->second);
}

}  // namespace

struct QueueSet::Impl {
  using Matches = std::vector<Queue*>;

  Shared shared;
  std::map<QueueId, std::unique_ptr<Queue>> queues;
  std::map<std::string, Queue*, std::less<>> by_name;
  ByText<Queue*> by_filter;
  QueueId next_queue{1};

  TopicIndex index;
  mutable ByText<Matches> known_topics;
  mutable Matches uncached;

  std::unordered_map<SessionId, std::unique_ptr<Session>> sessions;
  std::unordered_map<ConsumerId, std::unique_ptr<Consumer>> consumers;
  ConsumerId last_consumer;

  const Matches& matches(std::string_view topic) const;
  Matches look_up(std::string_view topic) const;
  Result<void> check_new(const QueueOptions& options) const;
  void add(std::unique_ptr<Queue> queue);
  void erase(Queue& queue);
  Consumer& add_consumer(Session& session);
  void wake(Session& session, Turn& turn);
};

// Valid until the next call or change of definitions.
const QueueSet::Impl::Matches& QueueSet::Impl::matches(std::string_view topic) const {
  if (const auto known = known_topics.find(topic); known != known_topics.end())
    return known->second;
  if (topic.size() > kMaxKnownTopicBytes) return uncached = look_up(topic);
  if (known_topics.size() >= kMaxKnownTopics) known_topics.clear();
  return known_topics[std::string(topic)] = look_up(topic);
}

QueueSet::Impl::Matches QueueSet::Impl::look_up(std::string_view topic) const {
  Matches found;
  for (const QueueId id : index.match(topic)) found.push_back(find_in(queues, id));
  return found;
}

Result<void> QueueSet::Impl::check_new(const QueueOptions& options) const {
  if (auto checked = check_options(options); !checked) return checked;
  if (by_name.contains(options.name))
    return Error{ErrorKind::exists, "queue '" + options.name + "' exists already"};
  if (const Queue* other = find_in(by_filter, options.filter))
    return Error{ErrorKind::exists, "queue '" + options.name + "': filter '" + options.filter +
                                        "' belongs to queue '" + other->options().name +
                                        "' already"};
  return {};
}

void QueueSet::Impl::add(std::unique_ptr<Queue> queue) {
  by_name[queue->options().name] = queue.get();
  by_filter[queue->options().filter] = queue.get();
  index.add(queue->options().filter, queue->state().id);
  known_topics.clear();
  queues[queue->state().id] = std::move(queue);
}

void QueueSet::Impl::erase(Queue& queue) {
  for (Consumer* consumer : queue.consumers()) {
    consumer->session->forget(*consumer);
    consumers.erase(consumer->id);
  }
  by_name.erase(queue.options().name);
  by_filter.erase(queue.options().filter);
  index.remove(queue.options().filter);
  known_topics.clear();
  queues.erase(queue.state().id);
}

Consumer& QueueSet::Impl::add_consumer(Session& session) {
  last_consumer = ConsumerId{last_consumer.value + 1};
  auto& consumer = consumers[last_consumer] = std::make_unique<Consumer>();
  consumer->id = last_consumer;
  consumer->session = &session;
  session.consumers.push_back(consumer.get());
  return *consumer;
}

// The consumers that wait for this session's credit get their chance in turn, until it is used up.
void QueueSet::Impl::wake(Session& session, Turn& turn) {
  while (session.has_credit() && !session.waiting.empty()) {
    Consumer* consumer = session.waiting.front();
    session.waiting.pop_front();
    consumer->group->wake(*consumer, turn);
  }
}

QueueSet::QueueSet(std::uint64_t seed, CoreLimits limits) : impl_(std::make_unique<Impl>()) {
  impl_->shared.seed = seed;
  impl_->shared.random = Random(seed);
  impl_->shared.limits = limits;
}
QueueSet::~QueueSet() = default;
QueueSet::QueueSet(QueueSet&&) noexcept = default;
QueueSet& QueueSet::operator=(QueueSet&&) noexcept = default;

Step QueueSet::restore(QueueStates&& states, Time now) {
  INVARIANT(impl_->queues.empty(), "restored over living queues");
  Turn turn{now, {}};
  impl_->next_queue = states.next_id;
  for (auto& [id, state] : states.queues)
    impl_->add(std::make_unique<Queue>(std::move(state), impl_->shared, turn));
  return std::move(turn.step);
}

// --- Definitions ---

Result<Step> QueueSet::create(RequestId request, const QueueOptions& options, Time now) {
  if (auto checked = impl_->check_new(options); !checked) return checked.error();
  Turn turn{now, {}};
  const QueueId id = std::exchange(impl_->next_queue, QueueId{impl_->next_queue.value + 1});
  impl_->add(std::make_unique<Queue>(id, options, impl_->shared, turn));
  if (request) turn.step.actions.push_back(Accept{request});
  return std::move(turn.step);
}

Result<Step> QueueSet::update(RequestId request, const QueueOptions& options, Time now) {
  if (auto checked = check_options(options); !checked) return checked.error();
  Queue* queue = find_in(impl_->by_name, options.name);
  if (queue == nullptr) return not_found("no queue is named '" + options.name + "'");
  if (auto changeable = check_change(queue->options(), options); !changeable)
    return changeable.error();
  Turn turn{now, {}};
  queue->update(options, turn);
  impl_->known_topics.clear();
  if (request) turn.step.actions.push_back(Accept{request});
  return std::move(turn.step);
}

Result<Step> QueueSet::remove(RequestId request, std::string_view name, Time) {
  Queue* queue = find_in(impl_->by_name, name);
  if (queue == nullptr) return not_found("no queue is named '" + std::string(name) + "'");
  Step step;
  step.writes.push_back(DeleteQueue{queue->state().id});
  if (request) step.actions.push_back(Accept{request});
  impl_->erase(*queue);
  return step;
}

// --- Producing ---

Route QueueSet::route(std::string_view topic) const {
  const auto& queues = impl_->matches(topic);
  if (queues.empty()) return Route::plain;
  const bool diverts = std::ranges::any_of(
      queues, [](const Queue* queue) { return queue->options().mode == Mode::divert; });
  return diverts ? Route::divert : Route::copy;
}

Result<Step> QueueSet::publish(RequestId request, MessageRef message, Time now) {
  const auto& queues = impl_->matches(message->topic);
  if (queues.empty()) return not_found("no queue stores topic '" + message->topic + "'");
  Turn turn{now, {}};
  for (Queue* queue : queues) queue->append(message, turn);
  if (request) turn.step.actions.push_back(Accept{request});
  for (Queue* queue : queues) queue->hand_out(turn);
  return std::move(turn.step);
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
  Turn turn{now, {}};
  const auto leaving = session->consumers;
  for (Consumer* consumer : leaving) {
    consumer->group->leave(*consumer, leave, turn);
    impl_->consumers.erase(consumer->id);
  }
  impl_->sessions.erase(session_id);
  return std::move(turn.step);
}

Result<QueueSet::Subscribed> QueueSet::subscribe(SessionId session_id, const QueueAddress& address,
                                                 Time now) {
  Session* session = find_in(impl_->sessions, session_id);
  INVARIANT(session != nullptr, "a session subscribes that is not open");
  Queue* queue = find_in(impl_->by_filter, address.filter);
  if (queue == nullptr) return not_found("no queue has the filter '" + address.filter + "'");
  Group* group = queue->find_group(address.group);
  if (group == nullptr)
    return not_found("queue '" + queue->options().name + "' has no group '" + address.group + "'");
  for (const Consumer* consumer : session->consumers)
    if (consumer->group == group) return Subscribed{consumer->id, {}};
  Turn turn{now, {}};
  Consumer& consumer = impl_->add_consumer(*session);
  group->join(consumer, turn);
  return Subscribed{consumer.id, std::move(turn.step)};
}

Step QueueSet::unsubscribe(ConsumerId id, Time now) {
  Consumer* consumer = find_in(impl_->consumers, id);
  if (consumer == nullptr) return {};
  Turn turn{now, {}};
  consumer->session->forget(*consumer);
  consumer->group->leave(*consumer, Leave::orderly, turn);
  impl_->consumers.erase(id);
  return std::move(turn.step);
}

Step QueueSet::settle(ConsumerId id, DeliveryId delivery, Outcome outcome, Time now) {
  Consumer* consumer = find_in(impl_->consumers, id);
  if (consumer == nullptr) return {};
  Turn turn{now, {}};
  consumer->group->settle(*consumer, delivery, outcome, turn);
  return std::move(turn.step);
}

Step QueueSet::free_slot(SessionId id, Time now) {
  Session* session = find_in(impl_->sessions, id);
  if (session == nullptr) return {};
  INVARIANT(session->slots_used > 0, "a slot is freed that is not used");
  --session->slots_used;
  Turn turn{now, {}};
  impl_->wake(*session, turn);
  return std::move(turn.step);
}

Step QueueSet::set_plain_in_flight(SessionId id, std::uint32_t count, Time now) {
  Session* session = find_in(impl_->sessions, id);
  if (session == nullptr) return {};
  session->plain_in_flight = count;
  Turn turn{now, {}};
  impl_->wake(*session, turn);
  return std::move(turn.step);
}

Step QueueSet::set_writable(SessionId id, bool writable, Time now) {
  Session* session = find_in(impl_->sessions, id);
  if (session == nullptr) return {};
  session->writable = writable;
  Turn turn{now, {}};
  impl_->wake(*session, turn);
  return std::move(turn.step);
}

// --- Journal and time ---

Step QueueSet::loaded(const Load& load, std::vector<StoredMessage> messages, Time now) {
  Queue* queue = find_in(impl_->queues, load.queue);
  Group* group = queue == nullptr ? nullptr : queue->find_group(load.group);
  if (group == nullptr) return {};
  Turn turn{now, {}};
  group->loaded(load, std::move(messages), turn);
  return std::move(turn.step);
}

void QueueSet::durable(QueueId id, Offset end) {
  if (Queue* queue = find_in(impl_->queues, id)) queue->durable(end);
}

Step QueueSet::tick(Time now) {
  Turn turn{now, {}};
  while (const auto due = impl_->shared.alarms.take_due(now)) {
    // The group may have been deleted meanwhile.
    Queue* queue = find_in(impl_->queues, due->first);
    if (Group* group = queue == nullptr ? nullptr : queue->find_group(due->second))
      group->tick(turn);
  }
  return std::move(turn.step);
}

std::optional<Time> QueueSet::next_deadline() const { return impl_->shared.alarms.first(); }

// --- Looking ---

std::optional<QueueStats> QueueSet::stats(std::string_view name, Time now) const {
  const Queue* queue = find_in(impl_->by_name, name);
  if (queue == nullptr) return std::nullopt;
  return queue->stats(now);
}

std::vector<QueueStats> QueueSet::all_stats(Time now) const {
  std::vector<QueueStats> all;
  for (const auto& [name, queue] : impl_->by_name) all.push_back(queue->stats(now));
  return all;
}

std::string QueueSet::name_of_filter(std::string_view filter) const {
  const Queue* queue = find_in(impl_->by_filter, filter);
  return queue == nullptr ? std::string() : queue->options().name;
}

const QueueOptions* QueueSet::options_of(QueueId id) const {
  const Queue* queue = find_in(impl_->queues, id);
  return queue == nullptr ? nullptr : &queue->options();
}

std::vector<ConsumerId> QueueSet::consumers_of(std::string_view name) const {
  std::vector<ConsumerId> ids;
  const Queue* queue = find_in(impl_->by_name, name);
  if (queue == nullptr) return ids;
  for (const Consumer* consumer : queue->consumers()) ids.push_back(consumer->id);
  return ids;
}

QueueStates QueueSet::states() const {
  QueueStates states;
  states.next_id = impl_->next_queue;
  for (const auto& [id, queue] : impl_->queues) states.queues[id] = queue->state();
  return states;
}

}  // namespace dispatch
