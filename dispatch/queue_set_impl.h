#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dispatch/consumer.h"
#include "dispatch/queue.h"
#include "dispatch/queue_set.h"
#include "dispatch/redrive.h"
#include "dispatch/topic_index.h"
#include "dispatch/waiting_publishes.h"

// What is behind QueueSet, for queue_set*.cc alone: the tables of queues, sessions and consumers,
// and what changes more than one of them.

namespace dispatch {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};
template <class T>
using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

template <class Map, class Key>
auto* find_in(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : std::to_address(found->second);
}

inline Error not_found(std::string text) { return {ErrorKind::not_found, std::move(text)}; }

inline Error no_queue(std::string_view name) {
  return not_found("no queue is named '" + std::string(name) + "'");
}

// What is asked of a mailbox and concerns its template.
inline Error with_template(const Queue& mailbox, std::string_view what) {
  return invalid("'" + mailbox.state().name() + "' is a mailbox: " + std::string(what) +
                 " queue '" + mailbox.options().name + "'");
}

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
  ByText<std::vector<Consumer*>> homeless;  // consumers without a queue, by its filter
  // Of each template, by topic; the names are the mailboxes' own.
  using Mailboxes = std::map<std::string_view, Queue*>;
  std::unordered_map<QueueId, Mailboxes> mailboxes;
  std::map<QueueId, std::vector<Redrive>> redrives;  // by the queue of the dead letters
  WaitingPublishes waiting;

  const Matches& matches(std::string_view topic) const;
  Matches look_up(std::string_view topic) const;
  Result<void> check_new(const QueueOptions& options) const;
  void add(std::unique_ptr<Queue> queue);
  void forget_names(const Queue& queue);
  // Its consumers, who have no queue now.
  std::vector<Consumer*> erase(Queue& queue, Turn& turn);
  Consumer& add_consumer(Session& session, const QueueAddress& address);
  void leave_homeless(Consumer& consumer);
  void forget(Consumer& consumer);
  // The queue that an address names, its dead letters if those are meant; nullptr if there is none.
  // An error says why nobody can consume there.
  Result<Queue*> find_queue(const QueueAddress& address, Turn& turn);
  Result<void> settle_in(Consumer& consumer, Queue& queue, Turn& turn);
  void house(const std::vector<Consumer*>& moving, const MayConsume& may_consume, Turn& turn);
  std::vector<Consumer*> waiting_for(const Queue& queue) const;
  void wake(Session& session, Turn& turn);

  Queue& create(const QueueOptions& options, Turn& turn);
  Queue* dead_letters_of(const Queue& origin) const;
  Queue& make_dead_letters_of(const Queue& origin, Turn& turn);
  Queue* origin_of(const Queue& dead) const;
  // By name, which may be that of a mailbox; nullptr if there is none.
  Queue* find_named(std::string_view name) const;
  // The same for one that may have groups; an error says what is wrong.
  Result<Queue*> with_groups(std::string_view name) const;
  Queue* find_part(std::string_view name, bool dead) const;
  void redriven(Queue& dead, const Load& load, const std::vector<StoredMessage>& messages,
                Turn& turn);
  QueueStats stats(const Queue& queue, Time now) const;
  Step finish(Turn& turn);

  // Mailboxes (queue_set_mailboxes.cc)
  const Mailboxes& mailboxes_of(const Queue& origin) const;
  Queue* find_mailbox(const Queue& origin, std::string_view topic) const;
  Queue& make_mailbox(const Queue& origin, std::string_view topic, Turn& turn);
  // The template that stores this topic; nullptr if none does. There is one at most.
  Queue* template_of(std::string_view topic) const;
  // Where messages of this topic are, or would be, in a queue that stores it.
  Queue* find_home(Queue& match, std::string_view topic) const;
  Queue& home_of(Queue& match, std::string_view topic, Turn& turn);
  void remove_idle(QueueId mailbox, Turn& turn);
  // Itself, or if it is a template its mailboxes.
  std::vector<Queue*> parts_of(Queue& queue) const;

  // Room (queue_set_room.cc)
  // `first_in_line`: nobody waits in front of it.
  Result<Room> room_for(const Message& message, bool first_in_line) const;
  Matches store(RequestId request, const MessageRef& message, Turn& turn);
  void retry(const std::vector<QueueId>& roomier, Turn& turn);
  // Adds the queues that got something to `fuller`.
  bool retry_first(QueueId queue, std::set<QueueId>& fuller, Turn& turn);
};

}  // namespace dispatch
