#include "storage/read_only_env.h"

#include <algorithm>
#include <utility>

#include "leveldb/helpers/memenv.h"

namespace storage {

using leveldb::Status;

namespace {

thread_local bool in_background = false;

struct BackgroundWork {
  void (*function)(void*);
  void* argument;

  static void run(void* self) {
    const std::unique_ptr<BackgroundWork> work(static_cast<BackgroundWork*>(self));
    in_background = true;
    work->function(work->argument);
    in_background = false;
  }
};

Status only_looked_at(const std::string& name) {
  return Status::NotSupported(name, "is only looked at");
}

}  // namespace

class ReadOnlyEnv::NoLock final : public leveldb::FileLock {};

ReadOnlyEnv::ReadOnlyEnv(leveldb::Env& base, std::string real_lock)
    : EnvWrapper(&base),
      base_(base),
      real_lock_(std::move(real_lock)),
      memory_(leveldb::NewMemEnv(&base)) {}

void ReadOnlyEnv::Schedule(void (*function)(void*), void* argument) {
  base_.Schedule(BackgroundWork::run, new BackgroundWork{function, argument});
}

bool ReadOnlyEnv::is_removed(const std::string& name) const { return removed_.contains(name); }

leveldb::Env& ReadOnlyEnv::holder_of(const std::string& name) {
  return memory_->FileExists(name) || is_removed(name) ? *memory_ : base_;
}

Status ReadOnlyEnv::NewSequentialFile(const std::string& name, leveldb::SequentialFile** file) {
  return holder_of(name).NewSequentialFile(name, file);
}

Status ReadOnlyEnv::NewRandomAccessFile(const std::string& name, leveldb::RandomAccessFile** file) {
  return holder_of(name).NewRandomAccessFile(name, file);
}

Status ReadOnlyEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  *file = nullptr;
  return in_background ? only_looked_at(name) : memory_->NewWritableFile(name, file);
}

// LevelDB appends to files it made only with reuse_logs, which is off.
Status ReadOnlyEnv::NewAppendableFile(const std::string& name, leveldb::WritableFile** file) {
  *file = nullptr;
  return only_looked_at(name);
}

bool ReadOnlyEnv::FileExists(const std::string& name) { return holder_of(name).FileExists(name); }

Status ReadOnlyEnv::GetChildren(const std::string& directory, std::vector<std::string>* names) {
  names->clear();
  std::vector<std::string> in_base;
  base_.GetChildren(directory, &in_base);
  memory_->GetChildren(directory, names);
  std::erase_if(in_base, [&](const auto& name) { return is_removed(directory + "/" + name); });
  names->insert(names->end(), in_base.begin(), in_base.end());
  std::ranges::sort(*names);
  names->erase(std::unique(names->begin(), names->end()), names->end());
  return Status::OK();
}

Status ReadOnlyEnv::RemoveFile(const std::string& name) {
  if (in_background) return only_looked_at(name);
  memory_->RemoveFile(name);
  removed_.insert(name);
  return Status::OK();
}

Status ReadOnlyEnv::CreateDir(const std::string&) { return Status::OK(); }
Status ReadOnlyEnv::RemoveDir(const std::string&) { return Status::OK(); }

Status ReadOnlyEnv::GetFileSize(const std::string& name, std::uint64_t* size) {
  return holder_of(name).GetFileSize(name, size);
}

// LevelDB renames what it has just written; and its diary, which is none here.
Status ReadOnlyEnv::RenameFile(const std::string& from, const std::string& to) {
  return memory_->RenameFile(from, to);
}

Status ReadOnlyEnv::LockFile(const std::string& name, leveldb::FileLock** lock) {
  if (name == real_lock_ && base_.FileExists(name)) return base_.LockFile(name, lock);
  *lock = new NoLock;
  return Status::OK();
}

Status ReadOnlyEnv::UnlockFile(leveldb::FileLock* lock) {
  if (auto* none = dynamic_cast<NoLock*>(lock)) {
    delete none;
    return Status::OK();
  }
  return base_.UnlockFile(lock);
}

Status ReadOnlyEnv::NewLogger(const std::string& name, leveldb::Logger** logger) {
  *logger = nullptr;
  return only_looked_at(name);
}

}  // namespace storage
