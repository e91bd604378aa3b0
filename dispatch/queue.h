#pragma once

#include <map>
#include <optional>
#include <string_view>

#include "dispatch/group.h"
#include "dispatch/head.h"
#include "dispatch/queue_state.h"
#include "dispatch/stats.h"
#include "dispatch/sweep.h"

// One queue: its log, the groups that read it, and the limits of what it keeps.

namespace dispatch {

// How many groups a queue may have.
inline constexpr std::size_t kMaxGroups = 256;

// Whether a queue takes a message now.
enum class Room {
  yes,
  later,  // overflow = block: when something has gone
  no,
};

class Queue final : public GroupOwner {
 public:
  // A new queue: records its definition. Its first consumer brings the first group.
  Queue(QueueId id, const QueueOptions& options, Shared& shared, Turn& turn);
  // A new mailbox of a template.
  Queue(QueueId id, const Queue& origin, std::string_view topic, Shared& shared, Turn& turn);
  // A queue as it was recovered. What was in flight is ready again. It looks at its oldest messages
  // at `look_at` for the first time.
  Queue(QueueState state, Shared& shared, Time now, Time look_at);
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // New options; filter and last_value are the old ones.
  void update(const QueueOptions& options, Turn& turn);
  // Of a mailbox: its template has other ones.
  void follow(const Queue& origin, Turn& turn);

  // --- Messages ---

  Room room_for(const Message& message) const;
  // Stores a message. Hands nothing out: hand_out() comes after the publisher was accepted.
  void append(const MessageRef& message, Turn& turn);
  void hand_out(Turn& turn);
  // Ends everything that is not in flight.
  void purge(Turn& turn);
  // Ends one kept message that is not in flight; false if it is.
  bool remove(Offset offset, std::uint64_t bytes, End end, Turn& turn);
  void durable(Offset end);
  void loaded(const Load& load, std::vector<StoredMessage> messages, Turn& turn);

  // --- Groups ---

  // nullptr if there is none.
  Group* find_group(std::string_view name);
  // A new group for the messages from `start` on, as far as they are kept. An error if there are
  // too many.
  Result<Group*> add_group(const std::string& name, Offset start, Turn& turn);
  // What only this group needed is gone soon. It has no consumers.
  void delete_group(GroupId id, Turn& turn);

  // --- Time ---

  // The alarm of a group is due, or that of the queue (group 0).
  void tick(GroupId alarm, Turn& turn);

  // --- Mailboxes ---

  bool is_template() const { return options().per_topic && !state_.is_mailbox(); }
  // A mailbox without messages that anybody may want, nor anybody who wants some.
  bool is_quiet() const;
  // It has been so for mailbox_idle.
  bool is_over(Time now) const;
  // Of a template: its mailbox is about to go, and what that counted is counted here.
  void take_totals_of(const Queue& mailbox, Turn& turn);

  // --- Looking ---

  // True if this queue stored a value of the message's key after `offset`, where the message was.
  bool has_newer_value(const Message& message, Offset offset) const;
  const QueueState& state() const { return state_; }
  const QueueOptions& options() const { return state_.options(); }
  QueueId id() const { return state_.id; }
  std::map<GroupId, Group>& groups() { return groups_; }
  std::vector<Consumer*> consumers() const;
  QueueStats stats(Time now) const;
  // Adds what is counted here, but for the groups one by one.
  void add_counts(QueueStats& sum, Time now) const;
  // Publishes wait for room in it: it is to tell when something has gone (Turn::roomier).
  void set_awaited(bool awaited) { awaited_ = awaited; }
  void count_refused() { ++refused_total_; }

 private:
  void end_for_all(Offset first, Offset last, End end, std::uint64_t bytes, Turn& turn) override;
  void expire(const Entry& entry, Turn& turn) override;
  void calmer(Turn& turn) override;

  void options_changed(const QueueOptions& old, Turn& turn);
  Ends all_ends() const;
  const Group* shown_group() const;
  bool in_flight(Offset offset) const;
  void bury(const Entry& entry, std::string_view reason, Turn& turn);

  // Limits (queue_limits.cc)
  bool over_limits() const;
  bool must_end(const Entry& entry, Time now, End& end) const;
  void end_oldest(const Entry& entry, End end, Turn& turn);
  void look_at_oldest(Turn& turn);
  void look_later(Time at);
  void set_alarm(Time at);
  std::optional<Time> oldest_stored_at() const;
  void see_if_quiet(Turn& turn);

  Shared& shared_;
  QueueState state_;
  std::map<GroupId, Group> groups_;
  GroupId last_group_;
  Head head_;
  Sweep sweep_;
  Offset durable_end_{1};
  // Set for these times; may be earlier than needed.
  std::optional<Time> alarm_;    // for whatever comes first
  std::optional<Time> look_at_;  // for the oldest messages
  Time oldest_hint_{};           // stored_at of the oldest message, or of one before it
  Time quiet_since_{};           // of a mailbox, if it is quiet
  bool awaited_ = false;
  std::uint64_t refused_total_ = 0;
  std::uint64_t redelivered_before_ = 0;  // of a template: in mailboxes that are no more
};

}  // namespace dispatch
