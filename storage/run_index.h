#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "dispatch/intervals.h"
#include "dispatch/queue_state.h"
#include "storage/key.h"

// Where messages are: per queue, runs of offsets and the commits that hold them. A run is 24 bytes
// and covers up to 64 KiB of log, so a backlog of 300,000 messages of 256 B, committed 20 at a
// time, costs about 1,400 runs.

namespace storage {

using dispatch::Offset;
using dispatch::QueueId;

// Offsets first .. first + count - 1 are in the commits commit .. commit + commits - 1, in order.
// Those commits may hold other things too, and some of them nothing of this queue.
struct Run {
  CommitNumber commit = 0;
  Offset first;
  std::uint32_t count = 0;
  std::uint32_t commits = 0;

  Offset end() const { return Offset{first.value + count}; }
  friend bool operator==(const Run&, const Run&) = default;
};

class QueueRuns {
 public:
  QueueRuns() = default;
  // From a checkpoint: in order of offsets and of commits.
  explicit QueueRuns(std::vector<Run>&& runs) : runs_(std::move(runs)) {}

  // The next message of the queue, in this commit. `log_position` is where the commit starts in
  // the log, in bytes from any fixed point: it decides when a run is long enough.
  void add(Offset offset, CommitNumber commit, std::uint64_t log_position);

  // Forgets runs that lie below `needed` as a whole.
  void drop_below(Offset needed);
  // Forgets what lies in commits below `commit`, and offsets below `end`: they are elsewhere now,
  // or gone. A run that reaches above both is cut.
  void begin_at(CommitNumber commit, Offset end);
  // Forgets every run that no group needs any more, in the middle too.
  void drop_gone(const dispatch::QueueState& queue);

  // Those that reach above `offset`, in order.
  std::span<const Run> from(Offset offset) const;
  std::span<const Run> all() const { return std::span(runs_).subspan(head_); }
  bool empty() const { return head_ == runs_.size(); }

 private:
  void tidy();

  std::vector<Run> runs_;
  std::size_t head_ = 0;          // of the first that is kept
  std::uint64_t last_start_ = 0;  // log position of the last run
  bool last_is_open_ = false;     // it may still grow: it was begun here, not recovered
};

using RunIndex = std::unordered_map<QueueId, QueueRuns>;

}  // namespace storage
