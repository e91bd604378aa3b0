#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "leveldb/db.h"
#include "storage/reading.h"
#include "storage/spill_index.h"

// Reads back messages that were moved out of the log. Keeps the block it looked at last: whoever
// drains a backlog comes back for the rest of it.

namespace storage {

class SpillReader {
 public:
  explicit SpillReader(leveldb::DB& state) : state_(state) {}

  // As LogReader::read(): damage is left out and remembered, an error passes.
  Result<void> read(const SpilledBlocks& blocks, Reading& reading);

  // What was left out since the last call, a line a block; each is told once.
  std::vector<std::string> take_damage() { return std::exchange(damage_, {}); }

 private:
  using Name = std::pair<QueueId, Offset>;

  Result<void> read_block(const SpilledBlock& block, Reading& reading);
  // False: damaged.
  Result<bool> load(const Name& name);
  Result<void> take_messages(const SpilledBlock& block, Reading& reading);
  void note_damage(const Name& name, std::string text);

  leveldb::DB& state_;
  Name name_;          // of the block in `value_`; offset 0: none
  std::string value_;  // its memory is kept
  std::set<Name> damaged_;
  std::vector<std::string> damage_;
};

}  // namespace storage
