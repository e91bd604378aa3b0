#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispatch/alarms.h"
#include "dispatch/consumer.h"
#include "dispatch/delayed.h"
#include "dispatch/lanes.h"
#include "dispatch/last_value.h"
#include "dispatch/leases.h"
#include "dispatch/limits.h"
#include "dispatch/look.h"
#include "dispatch/memory_budget.h"
#include "dispatch/outcome.h"
#include "dispatch/queue_state.h"
#include "dispatch/ready.h"
#include "dispatch/step.h"
#include "dispatch/strategy.h"
#include "dispatch/time.h"

// One consumer group's progress through a queue. Every message that the group has not settled is in
// exactly one place:
//   ready_     in memory, may be handed out
//   held       in flight: with a consumer
//   delayed_   in memory, waits for its next attempt
//   keys_      in memory, waits for an older value of its key (last-value queues)
//   the log    not in memory: everything from cursor_ on; fetched by a Load
// What ends for the whole queue while it is in flight is settled at once; the consumer's word on it
// then means nothing.

namespace dispatch {

// A message that is to be appended to the dead letters of its queue.
struct Burial {
  QueueId from;
  MessageRef message;
};

// The message as a dead letter.
MessageRef dead_letter(const Entry& entry, std::string reason, std::uint32_t attempts, Time now);

// One event on its way through the core.
struct Turn {
  Time now;
  Step step;
  std::vector<Burial> burials;   // seen to by the QueueSet before the step leaves it
  std::vector<QueueId> roomier;  // queues with less in them, for which publishes wait
  std::vector<SessionId> freed;  // sessions with slots that were freed here
  std::vector<QueueId> idle;     // mailboxes that were quiet for long enough to go
};

// What all queues of a QueueSet share.
struct Shared {
  CoreLimits limits;
  MemoryBudget memory;
  std::uint64_t seed = 0;
  Random random;
  DeliveryId last_delivery;
  Alarms alarms;
};

// What a group asks of its queue.
class GroupOwner {
 public:
  // These messages, with so many bytes in all, end for every group, in flight or not.
  virtual void end_for_all(Offset first, Offset last, End end, std::uint64_t bytes, Turn& turn) = 0;
  // This one ends because time has passed.
  virtual void expire(const Entry& entry, Turn& turn) = 0;
  // Something was settled for a group, and may be gone, or its last consumer has left.
  virtual void calmer(Turn& turn) = 0;

 protected:
  ~GroupOwner() = default;
};

class Group {
 public:
  // `queue` has a group `id`; both outlive this.
  Group(QueueState& queue, GroupId id, Shared& shared, GroupOwner& owner);

  // --- Consumers ---

  void join(Consumer& consumer, Turn& turn);
  // What it holds returns to its place; the consumer is forgotten.
  void leave(Consumer& consumer, Leave leave, Turn& turn);
  // A delivery that the consumer does not hold is ignored, unless it took too long, is acknowledged
  // at last, and nobody else has the message. `reason`: the consumer's words for a
  // reject.
  void settle(Consumer& consumer, DeliveryId delivery, const Settlement& settlement, Turn& turn);
  // Settled by command, it has arrived: its lease begins. False if it is not the consumer's any
  // more, or is settled already: then its slot is free.
  bool arrived(Consumer& consumer, DeliveryId delivery, Turn& turn);
  // It is the consumer's for so long from now on; for another ack_timeout if that isn't said.
  void extend(Consumer& consumer, DeliveryId delivery, std::optional<Duration> time, Turn& turn);
  // The queue's options are other ones: chooses anew who may be given messages.
  void options_changed(Turn& turn);
  // Its session, for which it waited, has credit again.
  void wake(Consumer& consumer, Turn& turn);

  // --- Messages ---

  // first..last are about to end for the whole queue.
  void ended(Offset first, Offset last);
  // The same for one message of that key: a newer value was appended.
  void superseded(Offset older, const std::string& key);
  // The newest message of the queue; to be called once it has been recorded. Hands nothing out.
  void appended(Entry entry);
  void loaded(const Load& load, std::vector<StoredMessage> messages, Turn& turn);
  // Everything below `end` is durable.
  void durable(Offset end) { durable_end_ = std::max(durable_end_, end); }
  // Settles a message that is neither settled nor in flight.
  void withdraw(Offset offset, End end, std::uint64_t bytes, Turn& turn);
  // Its alarm is due: what waited until now goes on.
  void tick(Turn& turn);
  // It has no consumers as yet.
  void begin_idle(Time now);
  // True if it has had no consumers for as long as `group_expiry` allows.
  bool is_idle(Time now) const;
  // Hands out what can be handed out, reads ahead, and sets the alarm.
  void hand_out(Turn& turn);

  // --- Looking ---

  GroupId id() const { return id_; }
  const std::string& name() const { return state_.name; }
  const GroupState& state() const { return state_; }
  // The messages in flight that are not settled, by offset, with their sizes.
  std::map<Offset, std::uint32_t> held() const;
  bool holds(Offset offset) const;
  std::uint64_t in_flight() const { return in_flight_; }
  std::uint64_t delayed() const { return delayed_.size(); }
  std::uint64_t ready() const;
  std::uint64_t ready_bytes_loaded() const { return ready_.bytes(); }
  std::uint64_t redelivered_total() const { return redelivered_total_; }
  const std::vector<Consumer*>& consumers() const { return consumers_; }
  std::vector<MessageView> look_at(std::span<const Offset> offsets) const;
  ConsumerView look_at(const Consumer& consumer, Time now) const;
  // When the oldest message not settled was stored; a little earlier while it is being loaded, and
  // the beginning of time if no message was seen yet. Nothing if all are settled.
  std::optional<Time> oldest_stored_at() const;

 private:
  void make_own_chooser();
  void rekey();

  // Handing out
  void hand_out_in_order(Turn& turn);
  void hand_out_by_key(Turn& turn);
  bool hold_back(const Entry& entry);
  Consumer* find_taker(const Entry& entry);
  void deliver(Consumer& consumer, Entry entry, Turn& turn);

  // Time (group_time.cc)
  void pause(Consumer& consumer, Turn& turn);
  void end_pauses(Time now);
  void time_out(const Leases::Due& lease, Turn& turn);
  std::optional<Time> first_deadline();
  void set_alarm();

  // Coming back
  void settle_late(Consumer& consumer, DeliveryId delivery, Outcome outcome, Turn& turn);
  void load_shrank(Consumer& consumer);
  Entry take_held(Consumer& consumer, DeliveryId delivery, Turn& turn);
  void clear_flight(Consumer& consumer, Entry& entry, Turn& turn);
  void finish(const Entry& entry, Turn& turn);
  // Whether a failed delivery counts, and whether the message waits for the next one.
  enum class Failed { no, at_once, after_delay };
  void come_back(Entry entry, Failed failed, Turn& turn, std::optional<Duration> delay = {});
  std::uint32_t failures_of(Offset offset) const;
  void bury(const Entry& entry, std::string reason, Turn& turn);
  void make_ready(Entry entry);
  void free_key(const std::string& key);
  bool is_settled(const Entry& entry) const { return state_.settled.contains(entry.offset); }
  void record_settled(Offset offset, End end, std::uint64_t bytes, Turn& turn);
  void drop_waiting(Offset first, Offset last);
  void return_all(Consumer& consumer, Failed failed, Turn& turn);

  // Consumers
  void take_standing(Consumer& consumer);
  void make_unavailable(Consumer& consumer, Standing standing);
  void find_widest();

  // Reading ahead (group_window.cc)
  CoreLimits window() const;
  void skip_settled();
  void read_ahead(Turn& turn);
  CoreLimits room_to_read() const;
  bool too_many_delayed() const;
  void account();
  void shrink();
  void take_loaded(const StoredMessage& stored, Turn& turn);
  void record_lost(Offset from, Offset end, Turn& turn);
  const Entry* find_in_memory(Offset offset) const;

  QueueState& queue_;
  const GroupId id_;
  GroupState& state_;
  Shared& shared_;
  GroupOwner& owner_;
  std::unique_ptr<Chooser> chooser_;
  Lanes* lanes_ = nullptr;  // the chooser, if it is one of lanes
  std::vector<Consumer*> consumers_;
  std::uint64_t widest_ = 0;  // the largest packet that any consumer takes

  Ready ready_;
  KeysInFlight keys_;
  Delayed delayed_;
  Leases leases_;
  std::map<std::pair<Time, ConsumerId>, Consumer*> pauses_;  // by when they end
  std::optional<Time> alarm_;  // set for this time; may be earlier than needed
  std::uint64_t in_flight_ = 0;
  std::uint64_t in_flight_settled_ = 0;  // of them: ended for the whole queue meanwhile
  std::optional<Time> idle_since_;       // while it has no consumers
  Offset cursor_;
  Offset durable_end_{1};
  std::optional<Load> load_;  // asked for and not answered yet
  MemoryBudget::Share memory_{shared_.memory};
  Time last_seen_{};  // when the message before cursor_ was stored
  std::uint64_t redelivered_total_ = 0;
};

}  // namespace dispatch
