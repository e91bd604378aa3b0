#pragma once

#include <map>

#include "storage/recovery.h"

namespace storage {

// Up to which commit each queue's record in state/ is true; deleted queues are among them.
using CoveredPerQueue = std::map<QueueId, CommitNumber>;

// Folds in the log after the checkpoint that `to` holds.
//
// A commit that is damaged or missing in the middle is left out and noted in to.damage. What comes
// after it is taken as far as it can be understood: messages whose predecessors are gone keep their
// offsets, so that the gap is found and counted as lost when it is read. An error: it can't be
// understood, because the lost commit defined a queue or group, or the end of the log is what is
// lost, so that nobody could say how much.
Result<void> replay(Recovered& to, const CoveredPerQueue& covered);

}  // namespace storage
