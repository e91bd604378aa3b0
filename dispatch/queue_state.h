#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
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
  Ends ended{};                              // for this group alone

  friend bool operator==(const GroupState&, const GroupState&) = default;
};

// The newest value of a key.
struct LatestValue {
  Offset offset;
  std::uint32_t bytes = 0;
  friend bool operator==(const LatestValue&, const LatestValue&) = default;
};

using SharedOptions = std::shared_ptr<const QueueOptions>;

// A queue, a template (`per_topic`), which has no messages itself, or one of its mailboxes.
struct QueueState {
  QueueId id;
  QueueId template_queue;                            // of a mailbox; 0: it is none
  std::string topic;                                 // of a mailbox: the one whose messages it has
  SharedOptions shared_options = default_options();  // a mailbox has those of its template
  Offset next{1};  // the offset of the next message; next - 1 messages were ever stored
  // Messages that are no more: every group has settled them (there is one, and no newer one may
  // want them), or they ended for the whole queue. The others are kept.
  OffsetSet gone;
  std::uint64_t kept_bytes = 0;
  Ends ended{};  // for the whole queue, and of groups that were deleted
  std::map<GroupId, GroupState> groups;
  // Last-value queues: where the newest value of each key is. Entries of messages that are gone
  // mean nothing and are dropped now and then.
  std::unordered_map<std::string, LatestValue> latest;
  // Of a template: messages that were stored in mailboxes which are no more; `ended` has theirs
  // too.
  std::uint64_t stored_before = 0;
  // When `latest` is looked through for such entries next. Not durable.
  std::size_t prune_latest_at = 1024;

  const QueueOptions& options() const { return *shared_options; }
  void set_options(QueueOptions options);
  bool is_mailbox() const { return static_cast<bool>(template_queue); }
  // Of a mailbox: that of the template, a slash, and the topic.
  std::string name() const;

  bool keeps(Offset offset) const { return offset && offset < next && !gone.contains(offset); }
  std::uint64_t kept() const { return gone.missing_below(next); }
  // The lowest offset that is kept; `next` if nothing is.
  Offset first_kept() const { return std::min(gone.watermark(), next); }
  // The first offset at or after `from` that some group has not settled; far above `next` if there
  // is no group.
  Offset next_needed(Offset from) const;
  // Equal in all that matters: entries of `latest` that mean nothing are not compared.
  friend bool operator==(const QueueState& a, const QueueState& b);

 private:
  static const SharedOptions& default_options();
};

struct QueueStates {
  std::map<QueueId, QueueState> queues;
  // Higher than the id of every queue that ever was. Durable: a deleted queue's id must not come
  // back, because the log may still hold its messages.
  QueueId next_id{1};

  friend bool operator==(const QueueStates&, const QueueStates&) = default;
};

// Gives every mailbox the options of its template, as far as it is there.
void share_options(QueueStates& states);

// Applies one write. A mailbox whose template isn't there has the default options: in a log that is
// read from the middle, such a one is deleted further on. An error means that the writes contradict
// each other (a damaged journal, or a bug of ours): the text names the record; `states` is
// unchanged then.
Result<void> apply(QueueStates& states, const Write& write);
// The same for a write other than DeleteQueue, given the queue that it names.
Result<void> apply(QueueState& queue, const Write& write);
// Adds a write of our own to a step and applies it at once, so that what a queue believes is
// always the fold of what it wrote.
void record(Step& step, QueueState& queue, Write write);

}  // namespace dispatch
