#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "dispatch/outcome.h"
#include "dispatch/queue_state.h"
#include "dispatch/step.h"

// A queue the simplest way that is right: every message in memory, one state each. It does not
// choose consumers; it is told what the real queue did and throws a BrokenInvariant where that was
// not allowed.

namespace model {

using dispatch::ConsumerId;
using dispatch::DeliveryId;
using dispatch::MessageRef;
using dispatch::Offset;

struct BrokenInvariant : std::runtime_error {
  using std::runtime_error::runtime_error;
};
inline void must(bool holds, const char* invariant) {
  if (!holds) throw BrokenInvariant(invariant);
}

// Sizes are either far below or far above what a narrow consumer takes.
inline constexpr std::size_t kLargePayloadBytes = 5000;
inline bool is_large(const dispatch::Message& m) { return m.payload.size() >= kLargePayloadBytes; }

class ReferenceQueue {
 public:
  enum class Where { ready, in_flight, delayed, done };
  struct Item {
    MessageRef message;
    std::string key;    // of last-value queues
    ConsumerId holder;  // in flight
    Where where = Where::ready;
    std::uint32_t failed = 0;
    dispatch::Time until{};   // delayed
    bool superseded = false;  // a newer value of its key came
    bool gone = false;        // it ended for every group
    bool acked = false;       // some consumer said so
    bool dead = false;        // it failed for the last time, or was rejected
    bool purged = false;      // or redriven: ended by command
    Offset dead_at;           // where it is among the dead letters
  };

  explicit ReferenceQueue(const dispatch::QueueOptions& queue_options) : options(queue_options) {}

  void append(const dispatch::Append& write);
  // Settled without a consumer's word.
  void end(const dispatch::Settle& write);
  // A message of this queue was appended to its dead letters.
  void died(const dispatch::Append& write);
  void deliver(const dispatch::Deliver& action, bool narrow);
  void settle(Offset offset, dispatch::Outcome outcome, dispatch::Time now);
  // The consumer took too long and acknowledges now.
  void acknowledge_late(Offset offset);
  // What was delayed until now is ready.
  void wake(dispatch::Time now);
  void leave(Offset offset, dispatch::Leave leave);
  // The process has died: what the journal kept decides.
  void restart(const dispatch::QueueState& kept);
  // Throws unless the queue's own state says the same.
  void compare(const dispatch::QueueState& state) const;

  // A message that may be handed out now to a consumer that is narrow or not; nullptr if none.
  const Item* first_eligible(bool narrow) const;
  // key_affinity: one that is ready, with nothing of its key in flight or delayed; nullptr if none.
  const Item* first_free_lane() const;
  bool is_latest(Offset offset) const;
  std::uint64_t large_ready_count() const;
  std::uint64_t ready_count() const { return ready_.size(); }
  std::uint64_t kept_count() const { return ready_.size() + delayed_.size() + in_flight_.size(); }
  std::uint64_t delayed_count() const { return delayed_.size(); }
  std::optional<dispatch::Time> first_due() const;
  std::uint64_t in_flight_count() const { return in_flight_.size(); }

  dispatch::QueueOptions options;
  std::map<Offset, Item> items;
  Offset next{1};

 private:
  bool key_in_flight(const Item& item) const { return keys_in_flight_.contains(item.key); }
  std::string lane_of(Offset offset) const;
  void check_lane(const dispatch::Deliver& action) const;
  Item& take_back(Offset offset);
  void make_ready(Offset offset, Item& item);
  // A delivery failed: true if it was the last one.
  bool fail(Offset offset, Item& item);
  void delay(Offset offset, Item& item, dispatch::Time now);
  void supersede(Offset offset, Item& item);
  void die(Offset offset, Item& item);
  void make_done(Offset offset, Item& item);
  void revive(Offset offset, Item& item);

  std::set<Offset> ready_;
  std::set<std::pair<dispatch::Time, Offset>> delayed_;
  std::set<Offset> in_flight_;
  std::set<std::string> keys_in_flight_;
  std::map<std::string, Offset> latest_;
};

}  // namespace model
