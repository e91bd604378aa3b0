#pragma once

#include <string>

#include "leveldb/env.h"

// What stands between the log's LevelDB and its file system, so that commits that need no sync of
// their own can be lost from the end only. LevelDB begins a new write-ahead log when its memory is
// full and drops the old one as it is; a later synced write would then be durable while unsynced
// ones before it are not. Here the old one is synced before the new one is made.

namespace storage {

// Used by one thread at a time as far as write-ahead logs go, as LevelDB does.
class LogEnv final : public leveldb::EnvWrapper {
 public:
  // `env` must outlive it.
  explicit LogEnv(leveldb::Env& env) : EnvWrapper(&env) {}

  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;

 private:
  class WriteAheadLog;
  WriteAheadLog* newest_ = nullptr;  // LevelDB owns it
};

}  // namespace storage
