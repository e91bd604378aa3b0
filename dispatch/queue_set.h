#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/ids.h"
#include "dispatch/limits.h"
#include "dispatch/look.h"
#include "dispatch/message.h"
#include "dispatch/outcome.h"
#include "dispatch/queue_address.h"
#include "dispatch/queue_state.h"
#include "dispatch/result.h"
#include "dispatch/stats.h"
#include "dispatch/step.h"
#include "dispatch/time.h"

// All queues of one Sluice and the sessions that consume from them: the door to the pure core.
// Events in, Steps out; one thread; no clock (time is an argument), no I/O, no randomness but the
// seed. The shell performs each Step in the order it got them.

namespace dispatch {

// Whether the client of a session may consume from the queue of that name. Empty: everybody may.
using MayConsume = std::function<bool(SessionId session, std::string_view queue)>;

// What a subscription to a queue that isn't there gets.
enum class IfMissing { refuse, wait };

// Where a topic goes (docs/queues.md section 2).
enum class Route {
  plain,   // no queue matches: upstream only
  divert,  // queues only
  copy,    // queues, and upstream as well
};

class QueueSet {
 public:
  QueueSet(std::uint64_t seed, CoreLimits limits);
  ~QueueSet();
  QueueSet(QueueSet&&) noexcept;
  QueueSet& operator=(QueueSet&&) noexcept;

  // Takes what the journal recovered; to be called once, before any other event. The step asks
  // for the first read-aheads.
  Step restore(QueueStates&& states, Time now);

  // --- Definitions. The request is accepted when the definition is durable; until then the queue
  // --- already exists here, so publishes that follow are stored in it.

  // --- Consumers that have waited for such a queue move in, if they may.

  Result<Step> create(RequestId request, const QueueOptions& options, Time now,
                      const MayConsume& may_consume = {});
  // New options for the queue of that name, in force at once, for messages that are there as well.
  // What decides where messages are can't change: filter, last_value, key.
  Result<Step> update(RequestId request, const QueueOptions& options, Time now);
  // Removes the queue with all its messages and dead letters, or one mailbox with its messages. Its
  // consumers stay: should a queue with that filter come again, they get its messages. What they
  // hold may still be settled, and is ignored.
  Result<Step> remove(RequestId request, std::string_view name, Time now,
                      const MayConsume& may_consume = {});

  // Settles every message that is not in flight.
  Result<Step> purge(RequestId request, std::string_view name, Time now);

  // A group that begins at this offset, or at the oldest message that is kept.
  Result<Step> add_group(RequestId request, std::string_view queue, const std::string& group,
                         Offset start, Time now);
  // It must not have consumers. Messages that only this group needed are gone soon.
  Result<Step> delete_group(RequestId request, std::string_view queue, std::string_view group,
                            Time now);
  // Moves a group: what lies below `start` is done for it, what is kept from there on is not.
  Result<Step> seek(RequestId request, std::string_view queue, std::string_view group, Offset start,
                    Time now);

  // --- Dead letters. A queue's dead letters have its name in errors and steps; they come into
  // --- being with the first one, or with the first consumer.

  // The same for its dead letters.
  Result<Step> purge_dead(RequestId request, std::string_view name, Time now);
  // Moves dead letters back to the end of the queue: one, by its offset among the dead letters, or
  // all that are there now. Accepted when they are. In a last-value queue one that has a newer
  // value goes instead. A restart on the way leaves the rest dead.
  Result<Step> redrive(RequestId request, std::string_view name, std::optional<Offset> offset,
                       Time now);

  // --- Producing ---

  Route route(std::string_view topic) const;
  // Stores in every matching queue, in one commit; Accept{request} when durable. Request 0: nobody
  // waits (QoS 0, Wills). An error refuses the message as a whole: nothing was changed. If a queue
  // with overflow = block is full it waits: the Accept, or a Refuse, comes with a later step.
  Result<Step> publish(RequestId request, MessageRef message, Time now, SessionId publisher = {});

  // --- Consuming. A session is announced once and then may hold any number of consumers. ---

  void open_session(SessionId session, SessionLimits limits);
  // Ends all its consumers; what they hold returns to its place. Refuses its publishes that wait.
  Step close_session(SessionId session, Leave leave, Time now);

  struct Subscribed {
    ConsumerId consumer;
    Step step;
  };
  // The same address again on the same session gives the same consumer back, without a step, unless
  // its queue is gone and that is to be refused. A
  // group comes into being with its first consumer, and begins at the oldest message.
  Result<Subscribed> subscribe(SessionId session, const QueueAddress& address, Time now,
                               IfMissing if_missing = IfMissing::refuse,
                               bool settles_by_command = false);
  Step unsubscribe(ConsumerId consumer, Time now);

  // The consumer's word on a delivery. A delivery that is not (any more) the consumer's is
  // ignored: an empty step. `reason`: its words for a reject, kept with the dead letter.
  Step settle(ConsumerId consumer, DeliveryId delivery, Outcome outcome, Time now,
              std::string_view reason = {});

  // For deliveries that are settled by command: the client has acknowledged that one, which only
  // says that it has arrived. Takes the place of free_slot(): the slot is free once it is settled
  // as well.
  Step arrived(SessionId session, ConsumerId consumer, DeliveryId delivery, Time now);
  // The command for a delivery of one of this session's consumers; nothing if it is not, or not any
  // more, theirs. Accept{request} when what it did is durable.
  std::optional<Step> settle_by_command(RequestId request, SessionId session, DeliveryId delivery,
                                        const Settlement& settlement, Time now);
  // The same for one that needs more time: see Group::extend().
  std::optional<Step> extend(RequestId request, SessionId session, DeliveryId delivery,
                             std::optional<Duration> time, Time now);

  // A Deliver uses one of the session's slots, from the step on until this is called: at PUBACK,
  // PUBCOMP, PUBREC >= 0x80, or for QoS 0 when written to the socket.
  Step free_slot(SessionId session, Time now);
  // How many slots plain traffic uses on this session.
  Step set_plain_in_flight(SessionId session, std::uint32_t count, Time now);
  // A session whose outbound buffer is full gets no deliveries until it is writable again.
  Step set_writable(SessionId session, bool writable, Time now);

  // --- Journal and time ---

  // The answer to a Load: what the journal holds of its range, in order. It may stop short, but it
  // has at least the first message there is: what it skips the journal has lost, and so it is
  // settled and counted (lost_total). An answer nobody waits for any more is ignored.
  Step loaded(const Load& load, std::vector<StoredMessage> messages, Time now);
  // Everything below `end` in this queue is durable.
  void durable(QueueId queue, Offset end);
  // To be called when next_deadline() is reached; at any other time it does no harm.
  Step tick(Time now);
  std::optional<Time> next_deadline() const;

  // --- Looking ---

  // A mailbox is named "<template>/<topic>" here and in all that takes a queue's name; what is
  // asked of all queues leaves mailboxes out. A template counts all its mailboxes.
  //
  // By name; nothing if there is no such queue. Sorted by name for all.
  std::optional<QueueStats> stats(std::string_view name, Time now) const;
  std::vector<QueueStats> all_stats(Time now) const;
  // Those whose names come after `name`, at most `limit`.
  std::vector<QueueStats> stats_after(std::string_view name, std::size_t limit, Time now) const;
  // What the messages take, about, that all queues together hold ready in memory
  // (CoreLimits::budget_bytes).
  std::uint64_t ready_memory_bytes() const;
  // The mailboxes of a template whose topics come after `topic`, by topic, at most `limit`.
  std::vector<QueueStats> mailbox_stats_after(std::string_view name, std::string_view topic,
                                              std::size_t limit, Time now) const;
  // The name of the queue with exactly this filter, or of the template if it is a topic with a
  // mailbox, there or to come; empty if there is neither.
  std::string name_of_filter(std::string_view filter) const;
  // The definitions of the queues that store a publish of this topic, by id; good until one
  // changes.
  std::vector<const QueueOptions*> queues_of_topic(std::string_view topic) const;
  // Its definition; nullptr if there is no such queue, or not any more.
  const QueueOptions* options_of(std::string_view name) const;
  const QueueOptions* options_of(QueueId queue) const;
  std::vector<ConsumerId> consumers_of(std::string_view name) const;
  // The first messages from `from` on, without a hole, that group `default` has not settled, in the
  // queue of that name or in its dead letters; nothing if there are none.
  std::optional<Stretch> unsettled_from(std::string_view name, bool dead, Offset from) const;
  // What a queue may keep: from its oldest message to the next one's offset. Nothing without a
  // queue.
  std::optional<Stretch> kept_in(std::string_view name) const;
  // Where these messages of a queue are for group `default`.
  std::vector<MessageView> look_at(QueueId queue, std::span<const Offset> offsets) const;
  // The consumers of a queue and of its dead letters, of all queues if `name` is empty; by id.
  std::vector<ConsumerView> consumer_views(std::string_view name, Time now) const;
  // For the model test and for checking a recovery: the fold of all steps so far.
  QueueStates states() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dispatch
