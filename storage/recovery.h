#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "leveldb/db.h"
#include "leveldb/env.h"
#include "storage/checkpoint.h"
#include "storage/fold.h"
#include "storage/log_env.h"

// Opening a journal: the directory, its lock, both databases, the checkpoint, and the log after it.
// The one way back, after a clean end, a crash, or a failed write.

namespace storage {

// Makes the directory, mode 0700, with those above it, so that it is found again after a power cut.
Result<void> make_directory(const std::filesystem::path& directory);

// The lock of a journal directory: one process, one Journal.
class DirectoryLock {
 public:
  static Result<std::unique_ptr<DirectoryLock>> take(leveldb::Env& env,
                                                     const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  DirectoryLock(leveldb::Env& env, leveldb::FileLock* lock) : env_(env), lock_(lock) {}
  leveldb::Env& env_;
  leveldb::FileLock* lock_;
};

// Everything an open journal consists of. Destroyed in reverse: databases before the lock.
struct Recovered {
  std::unique_ptr<DirectoryLock> lock;
  std::unique_ptr<leveldb::DB> state;
  std::unique_ptr<LogEnv> log_env;
  std::unique_ptr<leveldb::DB> log;
  Head head;
  std::map<QueueId, CommitNumber> graves;  // queues whose record says deleted, and since when
  std::uint64_t covered_bytes =
      0;  // of log up to head.covered, about; fold.log_bytes goes on there
  Fold fold;
  std::vector<std::string> damage;  // commits that had to be left out, a line each
};

// `env` nullptr: the real file system. Every error is one line that names the directory.
Result<Recovered> recover(const std::filesystem::path& directory, leveldb::Env* env,
                          std::uint64_t log_buffer_bytes);

}  // namespace storage
