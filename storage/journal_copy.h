#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "dispatch/result.h"
#include "storage/key.h"

namespace leveldb {
class DB;
class Env;
}  // namespace leveldb

// A copy of a journal as it was at one moment, value by value: what a backup is, and a restore. The
// journal it is made of may go on meanwhile. Every block is verified on the way. The copy is a
// journal of its own: it can be checked, dumped, and served from.

namespace storage {

struct CopyProgress {
  std::uint64_t copied_bytes = 0;
  std::uint64_t total_bytes = 0;  // about
};

class JournalCopy {
 public:
  // What it is made of; both databases must outlive it, and be used by the same thread.
  struct Source {
    leveldb::DB* log;
    leveldb::DB* state;
    CommitNumber first_commit;  // kept in the log
  };

  // The moment is now. `to` must not exist, or be an empty directory; it appears when the copy is
  // whole, until then there is `to`.part, which an earlier failure may have left.
  static dispatch::Result<std::unique_ptr<JournalCopy>> begin(const Source& from,
                                                              const std::filesystem::path& to);
  // What is not whole goes away with it.
  ~JournalCopy();
  JournalCopy(const JournalCopy&) = delete;
  JournalCopy& operator=(const JournalCopy&) = delete;

  // Copies about a megabyte. True if there is more to do; false: it is whole, and durable. After an
  // error it is of no use.
  dispatch::Result<bool> slice();
  CopyProgress progress() const;

 private:
  struct Impl;
  explicit JournalCopy(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Copies a journal that nobody uses: a backup to where it is to be served from.
dispatch::Result<void> copy_journal(const std::filesystem::path& from,
                                    const std::filesystem::path& to,
                                    const std::function<void(const CopyProgress&)>& tell = {});

}  // namespace storage
