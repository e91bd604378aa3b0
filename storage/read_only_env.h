#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "leveldb/env.h"

// A file system that LevelDB may change as it likes, without changing the one below: what it writes
// stays in memory, what it removes only seems gone. LevelDB can't open a database without writing
// to it; with this, looking at a journal leaves it as it was, byte for byte.

namespace storage {

class ReadOnlyEnv final : public leveldb::EnvWrapper {
 public:
  // `base` must outlive it. A journal's lock `real_lock`, if the file is there, is truly taken;
  // the databases' own seem to be.
  ReadOnlyEnv(leveldb::Env& base, std::string real_lock);

  leveldb::Status NewSequentialFile(const std::string& name,
                                    leveldb::SequentialFile** file) override;
  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** file) override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;
  leveldb::Status NewAppendableFile(const std::string& name, leveldb::WritableFile** file) override;
  bool FileExists(const std::string& name) override;
  leveldb::Status GetChildren(const std::string& directory,
                              std::vector<std::string>* names) override;
  leveldb::Status RemoveFile(const std::string& name) override;
  leveldb::Status CreateDir(const std::string& name) override;
  leveldb::Status RemoveDir(const std::string& name) override;
  leveldb::Status GetFileSize(const std::string& name, std::uint64_t* size) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status LockFile(const std::string& name, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  leveldb::Status NewLogger(const std::string& name, leveldb::Logger** logger) override;
  // LevelDB would go on with its compactions, and all of it would be kept in memory: background
  // work finds a disk that can't be written, and gives up.
  void Schedule(void (*function)(void*), void* argument) override;

 private:
  class NoLock;
  // Where a file is read from.
  leveldb::Env& holder_of(const std::string& name);
  bool is_removed(const std::string& name) const;

  leveldb::Env& base_;
  const std::string real_lock_;
  const std::unique_ptr<leveldb::Env> memory_;
  std::set<std::string>
      removed_;  // touched by the thread that opens and closes, never by LevelDB's
};

}  // namespace storage
