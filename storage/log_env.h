#pragma once

#include <mutex>
#include <random>
#include <string>

#include "leveldb/env.h"
#include "storage/overwriting_env.h"

// What stands between the log's LevelDB and its file system, for the sake of its write-ahead logs:
//  - They are written over old ones (storage/write_ahead_log.h). One that LevelDB is done with is
//    kept under another name, for the next; that one has its header, synced, before it gets its
//    name.
//  - Commits that need no sync of their own can be lost from the end only. LevelDB begins a new log
//    when its memory is full and drops the old one as it is; a later synced write would then be
//    durable while unsynced ones before it are not. Here the old one is synced before the new one
//    is made.

namespace storage {

// Logs are written by one thread at a time and removed by any, as LevelDB does.
class LogEnv final : public leveldb::EnvWrapper {
 public:
  // `env` must outlive it. If it is no OverwritingEnv every log is a new file.
  explicit LogEnv(leveldb::Env& env);

  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;
  leveldb::Status NewSequentialFile(const std::string& name,
                                    leveldb::SequentialFile** file) override;
  leveldb::Status RemoveFile(const std::string& name) override;

 private:
  class WriteAheadLog;
  leveldb::Status begin_log(const std::string& name, std::uint64_t number,
                            leveldb::WritableFile** file);

  OverwritingEnv* const overwriting_;
  std::mutex mutex_;  // of the spare log
  std::random_device random_;
  WriteAheadLog* newest_ = nullptr;  // LevelDB owns it
};

}  // namespace storage
