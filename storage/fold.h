#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>

#include "dispatch/queue_state.h"
#include "storage/envelope.h"
#include "storage/key.h"
#include "storage/run_index.h"
#include "storage/spill_index.h"

// What the log adds up to so far: the states of all queues and where their messages are. Commits
// are folded in here when they are made, and again, in the same way, when they are recovered.

namespace storage {

using dispatch::QueueStates;
using dispatch::Write;

struct Fold {
  QueueStates states;
  RunIndex runs;       // in the log
  SpillIndex spilled;  // moved out of it: older than all of the queue that is in `runs`
  SpillIndex orphans;  // of deleted queues: their blocks are to be removed
  CommitNumber last_commit = 0;
  std::uint64_t log_bytes = 0;    // of all blocks folded in, since open
  std::set<QueueId> changed;      // since the checkpoint before; deleted ones are among them
  std::uint64_t settlements = 0;  // Settle and DeleteQueue writes since the last look for space

  // Folds in one write of `commit`, which is last_commit + 1. An error: the writes contradict each
  // other; the fold is of no use any more.
  Result<void> apply(CommitNumber commit, const Write& write);
  // All its writes are in.
  void close(CommitNumber commit, std::uint64_t block_bytes);
};

QueueId queue_of(const Write& write);

}  // namespace storage
