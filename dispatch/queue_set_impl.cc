#include "dispatch/queue_set_impl.h"

#include <algorithm>
#include <utility>

#include "dispatch/invariant.h"

namespace dispatch {

namespace {

// How many topics, and how long ones, have their queues remembered. When the table is full it is
// emptied: looking up again is cheap, and topics in use come back at once.
constexpr std::size_t kMaxKnownTopics = 16384;
constexpr std::size_t kMaxKnownTopicBytes = 256;

}  // namespace

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
  by_filter[queue->options().filter] = queue.get();
  if (!holds_dead_letters(queue->options())) {
    by_name[queue->options().name] = queue.get();
    index.add(queue->options().filter, queue->state().id);
    known_topics.clear();
  }
  queues[queue->state().id] = std::move(queue);
}

// Its consumers stay, without a queue; what they hold is nobody's any more.
void QueueSet::Impl::erase(Queue& queue, Turn& turn) {
  for (Consumer* consumer : queue.consumers()) {
    std::erase(consumer->session->waiting, consumer);
    for (const auto& [delivery, entry] : consumer->held)
      if (entry.has_arrived) --consumer->session->slots_used;
    turn.freed.push_back(consumer->session->id);
    consumer->held.clear();
    consumer->overdue.clear();
    consumer->group = nullptr;
    homeless[consumer->address.filter].push_back(consumer);
  }
  by_filter.erase(queue.options().filter);
  if (!holds_dead_letters(queue.options())) {
    by_name.erase(queue.options().name);
    index.remove(queue.options().filter);
    known_topics.clear();
  }
  redrives.erase(queue.state().id);
  queues.erase(queue.state().id);
}

Consumer& QueueSet::Impl::add_consumer(Session& session, const QueueAddress& address) {
  last_consumer = ConsumerId{last_consumer.value + 1};
  auto& consumer = consumers[last_consumer] = std::make_unique<Consumer>();
  consumer->id = last_consumer;
  consumer->address = address;
  consumer->session = &session;
  session.consumers.push_back(consumer.get());
  return *consumer;
}

// The consumer has left its group, if it had one.
void QueueSet::Impl::forget(Consumer& consumer) {
  if (const auto found = homeless.find(consumer.address.filter); found != homeless.end()) {
    std::erase(found->second, &consumer);
    if (found->second.empty()) homeless.erase(found);
  }
  consumers.erase(consumer.id);
}

Queue* QueueSet::Impl::find_queue(const QueueAddress& address, Turn& turn) {
  Queue* queue = find_in(by_filter, address.filter);
  if (queue == nullptr || !address.dead) return queue;
  return &make_dead_letters_of(*queue, turn);
}

// Joins the group that it asked for, which may come into being by this.
Result<void> QueueSet::Impl::settle_in(Consumer& consumer, Queue& queue, Turn& turn) {
  const std::string& name = consumer.address.group;
  Group* group = queue.find_group(name);
  if (group == nullptr) {
    const auto added = queue.add_group(name, Offset{1}, turn);
    if (!added) return added.error();
    group = *added;
  }
  group->join(consumer, turn);
  return {};
}

// A queue has come: those who wait for it move in.
void QueueSet::Impl::house(Queue& queue, Turn& turn) {
  auto moving = homeless.extract(queue.options().filter);
  if (moving.empty()) return;
  for (Consumer* consumer : moving.mapped()) {
    Queue* wanted = find_queue(consumer->address, turn);
    if (!settle_in(*consumer, *wanted, turn))
      homeless[consumer->address.filter].push_back(consumer);
  }
}

// The consumers that wait for this session's credit get their chance in turn, until it is used up.
void QueueSet::Impl::wake(Session& session, Turn& turn) {
  while (session.has_credit() && !session.waiting.empty()) {
    Consumer* consumer = session.waiting.front();
    session.waiting.pop_front();
    consumer->group->wake(*consumer, turn);
  }
}

Queue& QueueSet::Impl::create(const QueueOptions& options, Turn& turn) {
  const QueueId id = std::exchange(next_queue, QueueId{next_queue.value + 1});
  add(std::make_unique<Queue>(id, options, shared, turn));
  return *queues.at(id);
}

// nullptr if there have been none.
Queue* QueueSet::Impl::dead_letters_of(const Queue& origin) const {
  return find_in(by_filter, dead_letter_filter(origin.options().filter));
}

Queue& QueueSet::Impl::make_dead_letters_of(const Queue& origin, Turn& turn) {
  if (Queue* dead = dead_letters_of(origin)) return *dead;
  return create(dead_letter_options(origin.options()), turn);
}

Queue* QueueSet::Impl::origin_of(const Queue& dead) const {
  return find_in(by_name, dead.options().name);
}

// Every event ends here: what died in it enters the dead letters in the same step, and publishes
// that waited for room follow.
Step QueueSet::Impl::finish(Turn& turn) {
  while (!turn.burials.empty() || !turn.roomier.empty() || !turn.freed.empty()) {
    const auto burials = std::exchange(turn.burials, {});
    for (const Burial& burial : burials)
      make_dead_letters_of(*queues.at(burial.from), turn).append(burial.message, turn);
    for (const Burial& burial : burials) dead_letters_of(*queues.at(burial.from))->hand_out(turn);
    for (const QueueId queue : std::exchange(turn.roomier, {})) retry(queue, turn);
    for (const SessionId session : std::exchange(turn.freed, {}))
      if (Session* living = find_in(sessions, session)) wake(*living, turn);
  }
  return std::move(turn.step);
}

void QueueSet::Impl::redriven(Queue& dead, const Load& load,
                              const std::vector<StoredMessage>& messages, Turn& turn) {
  auto& active = redrives[dead.state().id];
  const auto found =
      std::ranges::find_if(active, [&](const Redrive& r) { return r.waits_for(load); });
  if (found == active.end()) return;
  found->loaded(messages, dead, *origin_of(dead), shared.limits, turn);
  if (found->done()) active.erase(found);
}

}  // namespace dispatch
