#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "leveldb/db.h"
#include "storage/reading.h"
#include "storage/record.h"
#include "storage/run_index.h"

// Reads messages back from the log. Keeps the blocks it looked at last, and where in them it
// stopped: whoever drains a backlog comes back for the rest of a block many times.

namespace storage {

// The block of a commit, verified, into `bytes`, which the reader then looks at. Nothing if it is
// missing or damaged: `damage` says how. An error: the log can't be read at present.
Result<std::optional<BlockReader>> load_block(leveldb::DB& log, CommitNumber commit,
                                              std::string& bytes, std::string& damage);

class LogReader {
 public:
  explicit LogReader(leveldb::DB& log) : log_(log) {}

  // Goes on with a read. A commit that is missing or damaged is left out, with all its messages,
  // and remembered for take_damage(). An error: the log can't be read at present.
  Result<void> read(const QueueRuns& runs, Reading& reading);

  // What was left out since the last call, a line a commit; each is told once.
  std::vector<std::string> take_damage();
  // Somebody else found that this commit is damaged.
  void note_damage(CommitNumber commit, std::string text);

 private:
  struct Block {
    CommitNumber commit;
    std::string bytes;
    BlockReader reader;  // has read up to `next` of `queue`, or nothing yet
    QueueId queue{};
    Offset next{};
  };

  Result<void> read_run(const Run& run, Reading& reading);
  Result<void> read_commit(CommitNumber commit, Reading& reading);
  Result<void> read_block(Block& block, Reading& reading);
  // nullptr: damaged.
  Result<Block*> find(CommitNumber commit);
  Result<Block*> load(CommitNumber commit);
  void make_room();

  leveldb::DB& log_;
  std::list<Block> blocks_;  // the one used last is in front
  std::uint64_t bytes_ = 0;  // of all blocks
  std::set<CommitNumber> damaged_;
  std::vector<std::string> damage_;
};

}  // namespace storage
