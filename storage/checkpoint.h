#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "leveldb/db.h"
#include "storage/fold.h"
#include "storage/key.h"

// The state database: what the fold was when the log was last summed up, so that a start reads the
// log from there only. One record a queue and one for the whole (docs/journal_format.md).
//
// A checkpoint is written in slices while commits go on. Each queue's record says up to which
// commit it is true; the head, written last, says that no queue's record is older than some commit
// unless nothing happened to the queue since. A replay starts after that commit and leaves out what
// a queue's record has already.

namespace storage {

// 2 added messages that were moved out of the log, 3 write-ahead logs that are written over old
// ones. An older journal is made one of the newest schema when it is opened.
inline constexpr std::uint64_t kSchemaVersion = 3;

// The head: key "m".
struct Head {
  CommitNumber covered = 0;        // replay starts after it
  CommitNumber kept_from = 1;      // no queue needs an older commit; at most covered, but if 0
  CommitNumber removed_below = 1;  // and those below this one are deleted already
  QueueId next_queue{1};
  std::uint64_t schema = kSchemaVersion;  // as it was read; written is the newest
};

// Key "q" and the queue's id.
struct QueueRecord {
  CommitNumber covered = 0;    // it is true up to this commit
  bool deleted = false;        // then the rest is empty
  dispatch::QueueState state;  // of a mailbox without its options: the template has them
  QueueRuns runs;
};

// Each fills `out` with an envelope bound to its key.
void encode_head(std::string& out, const Head& head);
Result<Head> decode_head(std::string_view value);
// `state` nullptr: the queue was deleted.
void encode_queue(std::string& out, QueueId queue, CommitNumber covered,
                  const dispatch::QueueState* state, std::span<const Run> runs);
Result<QueueRecord> decode_queue(QueueId queue, std::string_view value);

// Writes checkpoints. Works on the journal's fold and state database; both outlive it.
class Checkpointer {
 public:
  Checkpointer(leveldb::DB& state, Fold& fold, const Head& head,
               std::map<QueueId, CommitNumber>&& graves, std::uint64_t slice_bytes);

  // What the last complete checkpoint says.
  const Head& head() const { return head_; }

  bool running() const { return running_; }
  // Begins one. Needs !running().
  void start();
  // Writes some of it, the head in the end. `removed_below` goes into the head.
  // Needs running(). An error poisons.
  Result<void> slice(CommitNumber removed_below);

 private:
  Result<void> write_some_queues();
  void encode_now(QueueId queue);
  Result<void> write_head(CommitNumber removed_below);

  leveldb::DB& state_;
  Fold& fold_;
  Head head_;
  // Deleted queues whose record must stay until the head covers their deletion.
  std::map<QueueId, CommitNumber> graves_;
  std::uint64_t slice_bytes_;
  bool running_ = false;
  CommitNumber started_at_ = 0;
  QueueId next_queue_at_start_{1};
  std::set<QueueId> pending_;
  std::string value_;
};

// The lowest commit that holds a message some group still needs; last_commit if there is none, so
// that the newest commit always stays in the log as an anchor between the two databases.
CommitNumber lowest_needed(Fold& fold);

}  // namespace storage
