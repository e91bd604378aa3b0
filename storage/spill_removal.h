#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "leveldb/db.h"
#include "leveldb/write_batch.h"
#include "storage/fold.h"

// Removes blocks of messages that were moved out of the log once nothing in them is kept any more,
// and gives their disk space back.

namespace storage {

class SpillRemoval {
 public:
  // Both outlive it. A compaction follows when `compact_bytes` are removed.
  SpillRemoval(leveldb::DB& state, Fold& fold, std::uint64_t compact_bytes);

  // Looks for blocks that can go; begins if those in front of their queues have so many bytes.
  void look(std::uint64_t enough);
  bool due() const {
    return !todo_.empty() || !fold_.orphans.empty() || removed_bytes_ >= compact_at_;
  }
  // Removes some, or compacts. Needs a log that is synced: what has ended must not come back. False
  // if there is nothing to do. An error poisons.
  Result<bool> slice();

 private:
  struct Removed {
    Offset first, last;  // blocks between these two
    std::uint64_t bytes = 0;
  };

  std::size_t remove_orphans(std::size_t at_most);
  std::size_t remove_gone(std::size_t at_most);
  void remove(QueueId queue, const std::vector<SpilledBlock>& taken);
  void put_index(QueueId queue, const SpilledBlocks& blocks);
  bool compact();
  void compact(const std::string& from, const std::string& to);
  std::uint64_t size_of(const std::string& from, const std::string& to) const;

  leveldb::DB& state_;
  Fold& fold_;
  const std::uint64_t compact_bytes_;
  std::vector<QueueId> todo_;
  leveldb::WriteBatch batch_;
  std::string value_;
  std::map<QueueId, Removed> removed_;  // since the compaction before
  std::uint64_t removed_bytes_ = 0;     // of all of them
  std::uint64_t compact_at_;
};

}  // namespace storage
