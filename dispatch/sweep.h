#pragma once

#include <optional>
#include <vector>

#include "dispatch/queue_state.h"
#include "dispatch/step.h"

namespace dispatch {

// After a group was deleted or moved: finds the messages that no group needs any more, a part at a
// time, since their sizes are known to the journal alone. Not durable: a restart begins anew.
class Sweep {
 public:
  // `queue` outlives it.
  explicit Sweep(const QueueState& queue) : queue_(queue) {}

  // Begins, over all that is kept.
  void start(Step& step);
  struct Found {
    Offset first;
    Offset last;  // several only if the journal doesn't have them
    std::uint64_t bytes = 0;
    End end = End::unneeded;
  };
  // The answer to its Load: what is to end. go_on() is to follow.
  std::vector<Found> loaded(const Load& load, const std::vector<StoredMessage>& messages);
  void go_on(Step& step);

 private:
  const QueueState& queue_;
  Offset from_;
  std::optional<Load> load_;
};

}  // namespace dispatch
