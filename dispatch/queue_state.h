#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "dispatch/intervals.h"
#include "dispatch/queue_options.h"
#include "dispatch/step.h"

// What is durable of a queue apart from its messages: the fold of the writes. The journal keeps
// one copy for its checkpoints, and a queue starts from it after a restart; it is also what the
// model test compares.

namespace dispatch {

struct GroupState {
  std::string name;
  OffsetSet settled;                         // everything below its start counts as settled
  std::map<Offset, std::uint32_t> attempts;  // failed deliveries of unsettled messages
  friend bool operator==(const GroupState&, const GroupState&) = default;
};

struct QueueState {
  QueueId id;
  QueueOptions options;
  Offset next{1};  // the offset of the next message; next - 1 messages were ever stored
  std::map<GroupId, GroupState> groups;
  // Last-value queues: where the latest live value of each key is.
  std::unordered_map<std::string, Offset> latest;

  // The lowest offset that some group still needs; `next` if nothing is kept.
  Offset first_needed() const;
  friend bool operator==(const QueueState&, const QueueState&) = default;
};

using QueueStates = std::map<QueueId, QueueState>;

// Applies one write. An error means that the writes contradict each other (a damaged journal, or
// a bug of ours): the text names the record; `states` is unchanged then.
Result<void> apply(QueueStates& states, const Write& write);

}  // namespace dispatch
