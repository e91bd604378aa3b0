#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "leveldb/db.h"
#include "leveldb/write_batch.h"
#include "storage/fold.h"
#include "storage/log_reader.h"
#include "storage/reclaim.h"
#include "storage/spill_block.h"

// Moves messages that stay long out of the log, so that they don't keep all that came after them on
// the disk: from commits that have fallen out of a window, oldest first, into blocks of their
// queue in the state database. Where a message lies is all that changes; a queue's record and the
// checkpoint know nothing of it.

namespace storage {

struct SpillLimits {
  std::uint64_t window_bytes;   // of log from which nothing is moved
  std::uint64_t stretch_bytes;  // of log that is cleared before the next look
  std::uint64_t slice_bytes;    // moved by one slice, about
};

class Spiller {
 public:
  // All outlive it. `reader` is told of commits that are damaged.
  Spiller(leveldb::DB& log, leveldb::DB& state, Fold& fold, LogReader& reader,
          const SpillLimits& limits);

  // Begins to clear a stretch if the log has grown far beyond the window and what it still keeps:
  // moving costs a second write, so a backlog that is drained in order stays where it is.
  void look(const Reclaimer& reclaimer);
  bool running() const { return running_; }
  // Moves some. Needs running(), and a log that is synced: what the state has must not be lost from
  // the log. If the log can't be read at present the stretch is given up, until the next look. An
  // error poisons.
  Result<void> slice();

  // Since open.
  std::uint64_t moved_messages() const { return moved_messages_; }
  std::uint64_t moved_bytes() const { return moved_bytes_; }

 private:
  struct Range {
    CommitNumber begin, end;
  };
  // Of one queue, in one slice.
  struct Moved {
    SpillBlockBuilder builder;
    std::vector<SpilledBlock> blocks;
    Offset end;  // below it, nothing is in the log any more
  };

  std::uint64_t kept_in_log() const;
  void plan(CommitNumber target);
  Result<void> read_some();
  Result<void> read_commit();
  void take(const AppendRecord& append, dispatch::Time time);
  void finish_block(QueueId queue, Moved& moved);
  Result<void> write();
  void finish();
  Offset spilled_end(QueueId queue) const;

  leveldb::DB& log_;
  leveldb::DB& state_;
  Fold& fold_;
  LogReader& reader_;
  const SpillLimits limits_;
  std::uint64_t looked_at_ = 0;  // fold_.log_bytes then

  // The stretch under way: commits below target_, those of ranges_ from here on are still to do.
  bool running_ = false;
  CommitNumber target_ = 0;
  std::vector<Range> ranges_;  // in order, apart
  std::size_t range_ = 0;
  std::uint64_t records_done_ = 0;  // of the first commit

  // The slice under way.
  std::unordered_map<QueueId, Moved> moved_;
  leveldb::WriteBatch batch_;
  std::uint64_t slice_bytes_ = 0;
  std::uint64_t largest_index_ = 0;
  std::string block_, value_;  // their memory is kept

  std::uint64_t moved_messages_ = 0, moved_bytes_ = 0;
};

}  // namespace storage
