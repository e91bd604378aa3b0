#include "dispatch/queue_set_impl.h"

#include <algorithm>
#include <utility>

#include "dispatch/invariant.h"
#include "dispatch/topic.h"

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
  if (!options.per_topic) return {};
  for (const auto& [name, queue] : by_name)
    if (queue->options().per_topic && filters_overlap(queue->options().filter, options.filter))
      return Error{ErrorKind::exists, "queue '" + options.name + "': some topics of filter '" +
                                          options.filter + "' have mailboxes of queue '" + name +
                                          "' ('" + queue->options().filter +
                                          "'), and a topic has one mailbox"};
  return {};
}

void QueueSet::Impl::add(std::unique_ptr<Queue> queue) {
  if (queue->state().is_mailbox()) {
    mailboxes[queue->state().template_queue].emplace(queue->state().topic, queue.get());
    queues[queue->id()] = std::move(queue);
    return;
  }
  by_filter[queue->options().filter] = queue.get();
  if (!holds_dead_letters(queue->options())) {
    by_name[queue->options().name] = queue.get();
    index.add(queue->options().filter, queue->state().id);
    known_topics.clear();
  }
  queues[queue->state().id] = std::move(queue);
}

// Its consumers stay, without a queue; what they hold is nobody's any more.
std::vector<Consumer*> QueueSet::Impl::erase(Queue& queue, Turn& turn) {
  auto evicted = queue.consumers();
  for (Consumer* consumer : evicted) {
    std::erase(consumer->session->waiting, consumer);
    for (const auto& [delivery, entry] : consumer->held)
      if (entry.has_arrived) --consumer->session->slots_used;
    turn.freed.push_back(consumer->session->id);
    consumer->held.clear();
    consumer->overdue.clear();
    consumer->group = nullptr;
    homeless[consumer->address.filter].push_back(consumer);
  }
  if (queue.state().is_mailbox())
    mailboxes[queue.state().template_queue].erase(queue.state().topic);
  else
    forget_names(queue);
  redrives.erase(queue.id());
  queues.erase(queue.id());
  return evicted;
}

void QueueSet::Impl::forget_names(const Queue& queue) {
  mailboxes.erase(queue.id());
  by_filter.erase(queue.options().filter);
  if (!holds_dead_letters(queue.options())) {
    by_name.erase(queue.options().name);
    index.remove(queue.options().filter);
    known_topics.clear();
  }
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

void QueueSet::Impl::leave_homeless(Consumer& consumer) {
  const auto found = homeless.find(consumer.address.filter);
  if (found == homeless.end()) return;
  std::erase(found->second, &consumer);
  if (found->second.empty()) homeless.erase(found);
}

// The consumer has left its group, if it had one.
void QueueSet::Impl::forget(Consumer& consumer) {
  leave_homeless(consumer);
  consumers.erase(consumer.id);
}

Result<Queue*> QueueSet::Impl::find_queue(const QueueAddress& address, Turn& turn) {
  Queue* queue = find_in(by_filter, address.filter);
  Queue* origin = queue == nullptr ? template_of(address.filter) : nullptr;
  if (origin != nullptr && address.dead)
    return not_found("dead letters of mailboxes are together: '$q/$dead/" +
                     origin->options().filter + "'");
  if (origin != nullptr) return &home_of(*origin, address.filter, turn);
  if (queue == nullptr) return nullptr;
  if (address.dead) return &make_dead_letters_of(*queue, turn);
  if (queue->is_template())
    return invalid("queue '" + queue->options().name +
                   "' has a mailbox for each topic: subscribe to '$q/' and one topic");
  return queue;
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

// Those who may consume from a queue that has come move in.
void QueueSet::Impl::house(const std::vector<Consumer*>& moving, const MayConsume& may_consume,
                           Turn& turn) {
  for (Consumer* consumer : moving) {
    const auto queue = find_queue(consumer->address, turn);
    if (!queue || *queue == nullptr) continue;
    if (may_consume && !may_consume(consumer->session->id, (*queue)->options().name)) continue;
    if (settle_in(*consumer, **queue, turn)) leave_homeless(*consumer);
  }
}

std::vector<Consumer*> QueueSet::Impl::waiting_for(const Queue& queue) const {
  std::vector<Consumer*> found;
  for (const auto& [filter, consumers_of_it] : homeless)
    if (filter == queue.options().filter ||
        (queue.options().per_topic && template_of(filter) == &queue))
      found.insert(found.end(), consumers_of_it.begin(), consumers_of_it.end());
  std::ranges::sort(found, {}, &Consumer::id);
  return found;
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
  const QueueId id = std::exchange(next_queue, next(next_queue));
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
    retry(std::exchange(turn.roomier, {}), turn);
    for (const SessionId session : std::exchange(turn.freed, {}))
      if (Session* living = find_in(sessions, session)) wake(*living, turn);
  }
  for (const QueueId mailbox : std::exchange(turn.idle, {})) remove_idle(mailbox, turn);
  return std::move(turn.step);
}

void QueueSet::Impl::redriven(Queue& dead, const Load& load,
                              const std::vector<StoredMessage>& messages, Turn& turn) {
  auto& active = redrives[dead.state().id];
  const auto found =
      std::ranges::find_if(active, [&](const Redrive& r) { return r.waits_for(load); });
  if (found == active.end()) return;
  Queue& origin = *origin_of(dead);
  found->loaded(
      messages, dead,
      [&](std::string_view topic) -> Queue& { return home_of(origin, topic, turn); }, shared.limits,
      turn);
  if (found->done()) active.erase(found);
}

}  // namespace dispatch
