#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dispatch/ids.h"
#include "dispatch/message.h"
#include "dispatch/queue_options.h"
#include "dispatch/result.h"

// The idea that carries everything: an event given to the core answers with a Step, that is the
// records to write and the actions to perform. The shell (proxy/queue_service.h) makes the writes
// durable in order, in one commit, and only then performs the actions, so "PUBACK means it is on
// disk" is a property of this type.

namespace dispatch {

// --- Writes: what the journal must hold. Replaying them in order gives QueueState back. ---

struct DefineQueue {  // a new queue, or new options of one
  QueueId queue;
  QueueOptions options;
};
// A new mailbox, with the options of the template.
struct DefineMailbox {
  QueueId queue;
  QueueId template_queue;
  std::string topic;
};
struct DeleteQueue {
  QueueId queue;
};
// A new group. What is gone from the queue, or lies below `start`, is done for it.
struct DefineGroup {
  QueueId queue;
  GroupId group;
  std::string name;
  Offset start;  // the first offset that concerns the group
};
// What only this group still needed stays until a Settle says `unneeded`.
struct DeleteGroup {
  QueueId queue;
  GroupId group;
};
// In a last-value queue the older value of the key is gone with this, for every group.
struct Append {
  QueueId queue;
  Offset offset;
  MessageRef message;
  std::string key;          // of keyed queues; empty otherwise
  std::uint32_t bytes = 0;  // Message::size_bytes()
};

// How messages end for a group; the journal stores the number.
enum class End : std::uint8_t {
  acked = 0,
  superseded = 1,  // a newer value of its key came
  lost = 2,        // the journal no longer had it
  dead = 3,        // it went to the dead letters
  purged = 4,      // by command
  redriven = 5,    // of a dead letter: it went back to its queue
  expired = 6,     // its Message Expiry Interval has passed
  retired = 7,     // it was kept as long as `retention` says
  dropped = 8,     // there was no room for it and a newer one
  unneeded = 9,    // no group needs it any more, since one was deleted
};
inline constexpr std::size_t kEnds = 10;
constexpr std::size_t index_of(End end) { return static_cast<std::size_t>(end); }
// How many messages ended in each way, ever; index: End.
using Ends = std::array<std::uint64_t, kEnds>;
// "acked", "superseded" ...; empty if there is no such end.
std::string_view end_name(End end);

// first..last, both included, are done for this group. Once all groups are done with a message it
// is gone from the queue; the newest value of a key stays for groups to come.
struct Settle {
  QueueId queue;
  GroupId group;  // 0: for every group, and gone from the queue
  Offset first;
  Offset last;
  End end = End::acked;
  std::uint64_t bytes = 0;  // of those among them that were kept until now
};
// What a mailbox that is deleted counted, of all its life: its template counts it from now on. A
// write of its own, so that each write is about one queue.
struct AddTotals {
  QueueId queue;  // the template
  std::uint64_t stored = 0;
  Ends ended{};
};
struct Attempt {  // how many deliveries of this message have failed for this group
  QueueId queue;
  GroupId group;
  Offset offset;
  std::uint32_t failed;
};
using Write = std::variant<DefineQueue, DeleteQueue, DefineGroup, DeleteGroup, Append, Settle,
                           Attempt, DefineMailbox, AddTotals>;

// --- Actions: what the shell does once the step's writes are durable. ---

struct Accept {  // the publish or command is done and durable
  RequestId request;
};
struct Deliver {
  SessionId session;
  ConsumerId consumer;
  DeliveryId delivery;
  QueueId queue;
  Offset offset;
  std::uint32_t attempt = 1;  // 1 for the first delivery
  MessageRef message;
  // False: everything this delivery depends on is durable, the shell may perform it at once.
  bool after_commit = true;
  std::string key;  // of keyed queues; empty otherwise
  // The consumer settles by command: QueueSet::settle_by_command().
  bool settled_by_command = false;
};
// Who reads from the journal.
enum class Reader : std::uint8_t {
  group,    // a group reads ahead
  head,     // the queue looks at its oldest messages
  redrive,  // dead letters are to go back
  sweep,    // the queue looks for messages that no group needs
};
struct Load {  // read messages from the journal, answer with QueueSet::loaded()
  QueueId queue;
  Reader reader = Reader::group;
  GroupId group;  // Reader::group only
  Offset from;
  Offset end;  // not included
  std::uint32_t max_messages;
  std::uint64_t max_bytes;
};
struct Refuse {  // a publish that waited for room, and won't be stored
  RequestId request;
  Error why;
};
using Action = std::variant<Accept, Refuse, Deliver, Load>;

struct Step {
  std::vector<Write> writes;
  std::vector<Action> actions;

  bool empty() const { return writes.empty() && actions.empty(); }
  void append(Step&& other);
};

// One line a write or action ("append q1 #7 images/a", "deliver c2 #7 attempt 2"): what tests
// compare and logs show.
std::string to_text(const Step& step);

// A message read back from the journal.
struct StoredMessage {
  Offset offset;
  MessageRef message;
};

}  // namespace dispatch
