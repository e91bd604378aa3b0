#include "tests/support/power_loss_env.h"

#include <algorithm>
#include <cstring>

namespace power_loss {

using leveldb::Slice;
using leveldb::Status;

namespace {

constexpr std::size_t kSector = 512;  // that the disk writes whole or not at all

Status disk_error(const std::string& name) { return Status::IOError(name, "disk failed (test)"); }
Status not_found(const std::string& name) { return Status::NotFound(name, "no such file"); }

}  // namespace

void PowerLossEnv::File::write(std::size_t at, const Slice& data) {
  const std::size_t end = std::min(at + data.size(), synced);
  for (std::size_t sector = at / kSector * kSector; sector < end; sector += kSector)
    older.try_emplace(sector, bytes.substr(sector, std::min(kSector, synced - sector)));
  bytes.resize(std::max(bytes.size(), at + data.size()));
  std::memcpy(bytes.data() + at, data.data(), data.size());
}

void PowerLossEnv::File::sync() {
  synced = bytes.size();
  older.clear();
}

void PowerLossEnv::File::cut_power(Loss loss, std::mt19937_64& random) {
  const std::size_t unsynced = bytes.size() - synced;
  if (loss == Loss::drop) bytes.resize(synced);
  if (loss == Loss::tear) bytes.resize(synced + random() % (unsynced + 1));
  for (const auto& [sector, content] : older)
    if (loss == Loss::drop || (loss == Loss::tear && random() % 2 == 0))
      bytes.replace(sector, content.size(), content);
  sync();
}

class PowerLossEnv::Sequential final : public leveldb::SequentialFile {
 public:
  Sequential(PowerLossEnv& env, FilePtr file) : env_(env), file_(std::move(file)) {}

  Status Read(std::size_t size, Slice* result, char* scratch) override {
    const std::lock_guard lock(env_.mutex_);
    size = std::min(size, file_->bytes.size() - at_);
    std::memcpy(scratch, file_->bytes.data() + at_, size);
    at_ += size;
    *result = Slice(scratch, size);
    return Status::OK();
  }

  Status Skip(std::uint64_t size) override {
    const std::lock_guard lock(env_.mutex_);
    at_ = std::min<std::uint64_t>(at_ + size, file_->bytes.size());
    return Status::OK();
  }

 private:
  PowerLossEnv& env_;
  FilePtr file_;
  std::size_t at_ = 0;
};

class PowerLossEnv::RandomAccess final : public leveldb::RandomAccessFile {
 public:
  RandomAccess(PowerLossEnv& env, FilePtr file) : env_(env), file_(std::move(file)) {}

  Status Read(std::uint64_t offset, std::size_t size, Slice* result, char* scratch) const override {
    const std::lock_guard lock(env_.mutex_);
    const std::size_t from = std::min<std::uint64_t>(offset, file_->bytes.size());
    size = std::min(size, file_->bytes.size() - from);
    std::memcpy(scratch, file_->bytes.data() + from, size);
    *result = Slice(scratch, size);
    return Status::OK();
  }

 private:
  PowerLossEnv& env_;
  FilePtr file_;
};

class PowerLossEnv::Writable final : public leveldb::WritableFile {
 public:
  Writable(PowerLossEnv& env, FilePtr file, std::string name, std::size_t at)
      : env_(env), file_(std::move(file)), name_(std::move(name)), at_(at) {}

  Status Append(const Slice& data) override {
    const std::lock_guard lock(env_.mutex_);
    const bool whole = env_.operate();
    const Slice written(data.data(), whole ? data.size() : data.size() / 2);
    file_->write(at_, written);
    at_ += written.size();
    return whole ? Status::OK() : disk_error(name_);
  }

  Status Sync() override {
    const std::lock_guard lock(env_.mutex_);
    if (!env_.operate()) return disk_error(name_);
    file_->sync();
    file_->durable = true;
    return Status::OK();
  }

  Status Close() override { return Status::OK(); }
  Status Flush() override { return Status::OK(); }

 private:
  PowerLossEnv& env_;
  FilePtr file_;
  std::string name_;
  std::size_t at_;
};

class PowerLossEnv::Lock final : public leveldb::FileLock {
 public:
  explicit Lock(std::string path) : name(std::move(path)) {}
  const std::string name;
};

PowerLossEnv::PowerLossEnv(std::uint64_t seed)
    : OverwritingEnv(leveldb::Env::Default()), random_(seed) {}

void PowerLossEnv::fail_at(std::uint64_t operation, Fault fault) {
  const std::lock_guard lock(mutex_);
  operations_ = 0;
  fail_at_ = operation;
  fault_ = fault;
  has_failed_ = false;
}

void PowerLossEnv::mend() {
  const std::lock_guard lock(mutex_);
  fail_at_ = 0;
}

bool PowerLossEnv::has_failed() const {
  const std::lock_guard lock(mutex_);
  return has_failed_;
}

std::uint64_t PowerLossEnv::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

bool PowerLossEnv::operate() {
  ++operations_;
  if (fail_at_ == 0 || operations_ < fail_at_) return true;
  if (fault_ == Fault::once && operations_ > fail_at_) return true;
  has_failed_ = true;
  return false;
}

void PowerLossEnv::cut_power(Loss loss) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, file] : files_) file->cut_power(loss, random_);
  std::erase_if(files_, [&](const auto& entry) {
    if (entry.second->durable || loss == Loss::keep) return false;
    return loss == Loss::drop || random_() % 2 == 0;
  });
  for (auto& [name, file] : files_) file->durable = true;
  fail_at_ = 0;
}

PowerLossEnv::FilePtr PowerLossEnv::find(const std::string& name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? nullptr : found->second;
}

Status PowerLossEnv::NewSequentialFile(const std::string& name, leveldb::SequentialFile** file) {
  const std::lock_guard lock(mutex_);
  const FilePtr found = find(name);
  *file = found ? new Sequential(*this, found) : nullptr;
  return found ? Status::OK() : not_found(name);
}

Status PowerLossEnv::NewRandomAccessFile(const std::string& name,
                                         leveldb::RandomAccessFile** file) {
  const std::lock_guard lock(mutex_);
  const FilePtr found = find(name);
  *file = found ? new RandomAccess(*this, found) : nullptr;
  return found ? Status::OK() : not_found(name);
}

Status PowerLossEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  const std::lock_guard lock(mutex_);
  *file = nullptr;
  if (!operate()) return disk_error(name);
  const FilePtr made = files_[name] = std::make_shared<File>();
  *file = new Writable(*this, made, name, 0);
  return Status::OK();
}

Status PowerLossEnv::NewAppendableFile(const std::string& name, leveldb::WritableFile** file) {
  const std::lock_guard lock(mutex_);
  *file = nullptr;
  if (!operate()) return disk_error(name);
  FilePtr& found = files_[name];
  if (!found) found = std::make_shared<File>();
  *file = new Writable(*this, found, name, found->bytes.size());
  return Status::OK();
}

Status PowerLossEnv::NewOverwritingFile(const std::string& name, leveldb::WritableFile** file) {
  const std::lock_guard lock(mutex_);
  *file = nullptr;
  if (!operate()) return disk_error(name);
  FilePtr& found = files_[name];
  if (!found) found = std::make_shared<File>();
  *file = new Writable(*this, found, name, 0);
  return Status::OK();
}

bool PowerLossEnv::FileExists(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return files_.contains(name);
}

Status PowerLossEnv::GetChildren(const std::string& directory, std::vector<std::string>* names) {
  const std::lock_guard lock(mutex_);
  names->clear();
  const std::string prefix = directory + "/";
  for (const auto& [name, file] : files_)
    if (name.starts_with(prefix) && name.find('/', prefix.size()) == std::string::npos)
      names->push_back(name.substr(prefix.size()));
  return Status::OK();
}

Status PowerLossEnv::RemoveFile(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (!operate()) return disk_error(name);
  return files_.erase(name) != 0 ? Status::OK() : not_found(name);
}

Status PowerLossEnv::CreateDir(const std::string&) { return Status::OK(); }
Status PowerLossEnv::RemoveDir(const std::string&) { return Status::OK(); }

Status PowerLossEnv::GetFileSize(const std::string& name, std::uint64_t* size) {
  const std::lock_guard lock(mutex_);
  const FilePtr found = find(name);
  *size = found ? found->bytes.size() : 0;
  return found ? Status::OK() : not_found(name);
}

Status PowerLossEnv::RenameFile(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  if (!operate()) return disk_error(from);
  const FilePtr found = find(from);
  if (!found) return not_found(from);
  files_.erase(from);
  files_[to] = found;
  found->durable = true;
  return Status::OK();
}

Status PowerLossEnv::LockFile(const std::string& name, leveldb::FileLock** lock) {
  const std::lock_guard guard(mutex_);
  *lock = nullptr;
  if (!locks_.insert(name).second) return Status::IOError("lock " + name, "already held (test)");
  *lock = new Lock(name);
  return Status::OK();
}

Status PowerLossEnv::UnlockFile(leveldb::FileLock* lock) {
  const std::lock_guard guard(mutex_);
  locks_.erase(static_cast<Lock*>(lock)->name);
  delete lock;
  return Status::OK();
}

// LevelDB's own diary: none.
Status PowerLossEnv::NewLogger(const std::string& name, leveldb::Logger** logger) {
  *logger = nullptr;
  return not_found(name);
}

}  // namespace power_loss
