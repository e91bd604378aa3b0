#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "dispatch/ids.h"
#include "dispatch/message.h"
#include "dispatch/queue_options.h"

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
struct DeleteQueue {
  QueueId queue;
};
struct DefineGroup {
  QueueId queue;
  GroupId group;
  std::string name;
  Offset start;  // the first offset that concerns the group
};
struct Append {
  QueueId queue;
  Offset offset;
  MessageRef message;
  std::string key;  // of last-value queues; empty otherwise
};

// How messages end for a group; the journal stores the number.
enum class End : std::uint8_t {
  acked = 0,
  superseded = 1,  // a newer value of its key came
  lost = 2,        // the journal no longer had it
  dead = 3,        // it went to the dead letters
  purged = 4,      // by command
  redriven = 5,    // of a dead letter: it went back to its queue
};
inline constexpr std::size_t kEnds = 6;

struct Settle {  // first..last, both included, are done for this group
  QueueId queue;
  GroupId group;
  Offset first;
  Offset last;
  End end = End::acked;
};
struct Attempt {  // how many deliveries of this message have failed for this group
  QueueId queue;
  GroupId group;
  Offset offset;
  std::uint32_t failed;
};
using Write = std::variant<DefineQueue, DeleteQueue, DefineGroup, Append, Settle, Attempt>;

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
  std::string key;  // of last-value queues; empty otherwise
};
struct Load {  // read messages from the journal, answer with QueueSet::loaded()
  QueueId queue;
  GroupId group;  // that reads ahead; 0: to move dead letters back
  Offset from;
  Offset end;  // not included
  std::uint32_t max_messages;
  std::uint64_t max_bytes;
};
using Action = std::variant<Accept, Deliver, Load>;

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
