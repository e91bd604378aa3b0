#pragma once

#include <cstdint>
#include <memory>

#include "dispatch/consumer.h"
#include "dispatch/queue_options.h"

// Which consumer gets the next message: one chooser a strategy, one object a group. It knows the
// consumers that may be chosen (Standing::available); choosing costs O(log consumers) at most as
// long as the message fits them.

namespace dispatch {

class Chooser {
 public:
  virtual ~Chooser() = default;

  // The consumer comes to the group, or goes; it may not be chosen then.
  virtual void join(Consumer&) {}
  virtual void leave(Consumer&) {}
  // The consumer may be chosen from now on, or no longer.
  virtual void add(Consumer& consumer) = 0;
  virtual void remove(Consumer& consumer) = 0;
  // The consumer, one that may be chosen, holds more or fewer messages than before.
  virtual void held_changed(Consumer& consumer) = 0;
  // The consumer begins or ends a pause, or begins or ends to owe answers (Consumer::overdue).
  virtual void standing_changed(Consumer&) {}
  virtual bool empty() const = 0;

  // A consumer other than `avoid` that takes packets of this size; nullptr if there is none.
  virtual Consumer* choose(std::uint64_t packet_bytes, ConsumerId avoid) = 0;
  // The consumer just chosen was given the message.
  virtual void given(Consumer& consumer) = 0;
};

// Not for key_affinity: see lanes.h.
std::unique_ptr<Chooser> make_chooser(Strategy strategy, std::uint64_t seed);

}  // namespace dispatch
