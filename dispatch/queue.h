#pragma once

#include <map>
#include <string_view>

#include "dispatch/group.h"
#include "dispatch/queue_state.h"
#include "dispatch/stats.h"

// One queue: its log and the groups that read it.

namespace dispatch {

class Queue {
 public:
  // A new queue: records its definition, and group `default` from the first message on.
  Queue(QueueId id, const QueueOptions& options, Shared& shared, Turn& turn);
  // A queue as it was recovered. What was in flight is ready again.
  Queue(QueueState state, Shared& shared, Turn& turn);
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // New options; filter, last_value and key are the old ones.
  void update(const QueueOptions& options, Turn& turn);

  // Stores a message. Hands nothing out: hand_out() comes after the publisher was accepted.
  void append(const MessageRef& message, Turn& turn);
  void hand_out(Turn& turn);
  // Settles everything that is not in flight, for all groups.
  void purge(Turn& turn);
  void durable(Offset end);

  // nullptr if there is none.
  Group* find_group(GroupId id);
  Group* find_group(std::string_view name);

  // True if this queue stored a value of the message's key after `offset`.
  bool has_newer_value(const Message& message, Offset offset) const;
  // True if group `default` has this message and not settled it.
  bool keeps(Offset offset) const;
  // Messages that group `default` has not settled.
  std::uint64_t unsettled() const;

  const QueueState& state() const { return state_; }
  const QueueOptions& options() const { return state_.options; }
  std::vector<Consumer*> consumers() const;
  QueueStats stats(Time now) const;

 private:
  void define_default_group(Turn& turn);
  void settle_old_values(Turn& turn);

  Shared& shared_;
  QueueState state_;
  std::map<GroupId, Group> groups_;
};

}  // namespace dispatch
