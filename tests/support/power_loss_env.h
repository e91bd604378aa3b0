#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>

#include "storage/overwriting_env.h"

// A file system in memory whose disk can fail and whose power can be cut, to stand under the
// shipped journal. What was synced survives a cut; what was not may be lost, kept or torn. A sync
// makes the file's name durable with it, and names change durably and in order, as
// storage/file_env.cc arranges on a real file system.
//
// An operation is one change: a file made, bytes appended, a sync, a rename, a removal. LevelDB's
// background thread makes some of them, so their numbers may shift a little from run to run.

namespace power_loss {

enum class Fault { once, for_ever };
// tear: a random beginning of the unsynced bytes is kept; of what was written over, random sectors.
enum class Loss { drop, keep, tear };

class PowerLossEnv final : public storage::OverwritingEnv {
 public:
  explicit PowerLossEnv(std::uint64_t seed);

  // The operation number `operation` (from 1, counted from now on) fails, and with for_ever all
  // after it. An append that fails writes the first half of its bytes, as a full disk does.
  void fail_at(std::uint64_t operation, Fault fault);
  // The disk is whole again; what is on it stays as it is.
  void mend();
  // Whether it came to a failure since fail_at().
  bool has_failed() const;
  std::uint64_t operations() const;

  // What the disk shows after the power comes back; it is whole again. No file may be open.
  void cut_power(Loss loss);

  leveldb::Status NewSequentialFile(const std::string& name,
                                    leveldb::SequentialFile** file) override;
  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** file) override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;
  leveldb::Status NewOverwritingFile(const std::string& name,
                                     leveldb::WritableFile** file) override;
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

 private:
  struct File {
    std::string bytes;
    std::size_t synced = 0;                    // of them, but for what was written over since
    std::map<std::size_t, std::string> older;  // sectors that were, as they are on the disk
    bool durable = false;                      // its name survives a cut

    void write(std::size_t at, const leveldb::Slice& data);
    void sync();
    void cut_power(Loss loss, std::mt19937_64& random);
  };
  using FilePtr = std::shared_ptr<File>;
  class Sequential;
  class RandomAccess;
  class Writable;
  class Lock;

  // Counts one operation. False: it must fail.
  bool operate();
  FilePtr find(const std::string& name) const;

  mutable std::mutex mutex_;
  std::map<std::string, FilePtr> files_;
  std::set<std::string> locks_;
  std::mt19937_64 random_;
  std::uint64_t operations_ = 0;
  std::uint64_t fail_at_ = 0;  // 0: never
  Fault fault_ = Fault::once;
  bool has_failed_ = false;
};

}  // namespace power_loss
