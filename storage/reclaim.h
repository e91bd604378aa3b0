#pragma once

#include <cstdint>
#include <deque>

#include "leveldb/db.h"
#include "storage/envelope.h"
#include "storage/key.h"

// Gives the disk space of old commits back. LevelDB has no range delete, and a key that is deleted
// stays in the way of every scan until it is compacted; so commits go in batches of keys, from a
// position we know, and a compaction over what is gone follows.

namespace storage {

// How many bytes of log lie below a commit, about: exact to a megabyte.
class LogMap {
 public:
  // This commit starts at this position. In order; many calls are as good as one.
  void note(CommitNumber commit, std::uint64_t position);
  std::uint64_t position_of(CommitNumber commit) const;
  // The first commit that starts at this position or after it; one behind the newest one if none.
  CommitNumber commit_at(std::uint64_t position) const;
  void forget_below(CommitNumber commit);

 private:
  struct Mark {
    CommitNumber commit;
    std::uint64_t position;
  };
  std::deque<Mark> marks_;
};

class Reclaimer {
 public:
  // Commits below `removed_below` are gone already.
  Reclaimer(leveldb::DB& log, CommitNumber removed_below);

  CommitNumber removed_below() const { return removed_below_; }

  // Removes some commits below `kept_from`; which a durable checkpoint must allow. A compaction
  // follows when `compact_bytes` are removed. False if there is nothing left to do. An error
  // poisons.
  Result<bool> slice(CommitNumber kept_from, std::uint64_t compact_bytes);

  LogMap& map() { return map_; }
  // Bytes of log from what is removed up to here.
  std::uint64_t bytes_below(CommitNumber commit) const;
  // The commit below which so many bytes lie.
  CommitNumber commit_after(std::uint64_t bytes) const;

 private:
  Result<void> remove_some(CommitNumber kept_from);
  void compact();

  leveldb::DB& log_;
  CommitNumber removed_below_;
  std::uint64_t removed_bytes_ = 0;  // since the compaction before
  LogMap map_;
};

}  // namespace storage
