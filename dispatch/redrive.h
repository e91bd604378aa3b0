#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "dispatch/queue.h"

// Moves dead letters back to the queue in which they died. They are read from the journal, a part
// at a time, and each part moves in one commit; what is in flight stays where it is.

namespace dispatch {

// The queue to which dead letters of that topic go back.
using HomeOf = std::function<Queue&(std::string_view topic)>;

class Redrive {
 public:
  // Of first..last in `dead`. Not durable: after a restart the rest stays dead.
  Redrive(RequestId request, Offset first, Offset last)
      : request_(request), next_(first), end_(dispatch::next(last)) {}

  // Asks for the next part, or accepts the request when there is none.
  void go_on(const Queue& dead, const CoreLimits& limits, Turn& turn);
  // True if it is this one that waits for `load`.
  bool waits_for(const Load& load) const;
  // The answer; moves it and goes on.
  void loaded(const std::vector<StoredMessage>& messages, Queue& dead, const HomeOf& home_of,
              const CoreLimits& limits, Turn& turn);
  bool done() const { return !load_; }

 private:
  RequestId request_;
  Offset next_;
  Offset end_;
  std::optional<Load> load_;
};

}  // namespace dispatch
