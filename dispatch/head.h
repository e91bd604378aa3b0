#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dispatch/memory_budget.h"
#include "dispatch/queue_state.h"
#include "dispatch/ready.h"
#include "dispatch/step.h"

namespace dispatch {

// The oldest messages of a queue, in memory only while somebody has to look at them: to drop what
// is too old, has expired, or is one too many.
class Head {
 public:
  // Both outlive it.
  Head(const QueueState& queue, MemoryBudget& memory)
      : queue_(queue), budget_(memory), memory_(memory) {}

  // The oldest one known at or after `from`; nullptr if there is none. Valid until the next change.
  const Entry* first_from(Offset from) const { return entries_.first_from(from); }
  // Asks the journal for those that come after what is known, if something is kept there.
  void look(Step& step);
  // True while the answer is to come.
  bool is_looking() const { return load_.has_value(); }
  // The answer; false if it is not the one that is awaited.
  bool loaded(const Load& load, const std::vector<StoredMessage>& messages);
  // The newest message of the queue. Taken if it is the next one here and there is room.
  void appended(const Entry& entry);
  // first..last are gone.
  void ended(Offset first, Offset last);
  // Nobody looks any more: what is in memory goes.
  void forget();

 private:
  bool has_room() const;
  void account();

  const QueueState& queue_;
  const MemoryBudget& budget_;
  Ready entries_;
  Offset cursor_{1};  // entries below it that are kept are in entries_, once something is
  std::optional<Load> load_;
  MemoryBudget::Share memory_;
};

}  // namespace dispatch
