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

void QueueSet::Impl::erase(Queue& queue) {
  for (Consumer* consumer : queue.consumers()) {
    consumer->session->forget(*consumer);
    consumers.erase(consumer->id);
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

// Every event ends here: what died in it enters the dead letters in the same step.
Step QueueSet::Impl::finish(Turn& turn) {
  for (const Burial& burial : turn.burials)
    make_dead_letters_of(*queues.at(burial.from), turn).append(burial.message, turn);
  for (const Burial& burial : turn.burials)
    dead_letters_of(*queues.at(burial.from))->hand_out(turn);
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
