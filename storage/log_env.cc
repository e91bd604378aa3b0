#include "storage/log_env.h"

#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "storage/write_ahead_log.h"

namespace storage {

using leveldb::Slice;
using leveldb::Status;

namespace {

// What a log grew to for the sake of one very large message is given back.
constexpr std::uint64_t kMaxSpareBytes = 64u << 20;

// LevelDB leaves alone what has no name of its own kind.
std::string spare_beside(const std::string& name) {
  return std::filesystem::path(name).replace_filename("spare").string();
}

// That a write-ahead log of LevelDB's has in its name: 000123.log.
std::optional<std::uint64_t> log_number_of(const std::string& name) {
  const auto path = std::filesystem::path(name);
  if (path.extension() != ".log") return {};
  const std::string stem = path.stem().string();
  std::uint64_t number = 0;
  const auto end = stem.data() + stem.size();
  const auto [rest, error] = std::from_chars(stem.data(), end, number);
  return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

}  // namespace

class LogEnv::WriteAheadLog final : public leveldb::WritableFile {
 public:
  WriteAheadLog(LogEnv& env, std::unique_ptr<leveldb::WritableFile> file)
      : env_(env), file_(std::move(file)) {}
  ~WriteAheadLog() override {
    if (env_.newest_ == this) env_.newest_ = nullptr;
  }

  Status Append(const Slice& data) override {
    synced_ = false;
    return file_->Append(data);
  }
  Status Close() override { return file_->Close(); }
  Status Flush() override { return file_->Flush(); }
  Status Sync() override {
    Status status = file_->Sync();
    synced_ = status.ok();
    return status;
  }

  Status sync_if_needed() { return synced_ ? Status::OK() : Sync(); }

 private:
  LogEnv& env_;
  const std::unique_ptr<leveldb::WritableFile> file_;
  bool synced_ = true;  // its name and its header are
};

LogEnv::LogEnv(leveldb::Env& env)
    : EnvWrapper(&env), overwriting_(dynamic_cast<OverwritingEnv*>(&env)) {}

Status LogEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  *file = nullptr;
  const auto number = log_number_of(name);
  if (!number) return EnvWrapper::NewWritableFile(name, file);
  if (newest_ != nullptr)
    if (Status synced = newest_->sync_if_needed(); !synced.ok()) return synced;
  return begin_log(name, *number, file);
}

// A log under its own name has a header that is its own, whenever the power goes: without one, what
// an older log left in the file would be taken for it.
Status LogEnv::begin_log(const std::string& name, std::uint64_t number,
                         leveldb::WritableFile** file) {
  const std::lock_guard lock(mutex_);
  const std::string spare = spare_beside(name);
  leveldb::WritableFile* opened = nullptr;
  Status done = overwriting_ != nullptr ? overwriting_->NewOverwritingFile(spare, &opened)
                                        : EnvWrapper::NewWritableFile(spare, &opened);
  std::unique_ptr<leveldb::WritableFile> owner(opened);
  const LogHeader header{number, std::uint64_t{random_()} << 32 | random_()};
  if (done.ok()) done = owner->Append(header.encode());
  if (done.ok()) done = owner->Sync();
  if (done.ok()) done = RenameFile(spare, name);
  if (!done.ok()) return done;
  *file = newest_ = new WriteAheadLog(*this, write_frames(std::move(owner), header.salt));
  return done;
}

Status LogEnv::NewSequentialFile(const std::string& name, leveldb::SequentialFile** file) {
  *file = nullptr;
  const auto number = log_number_of(name);
  if (!number) return EnvWrapper::NewSequentialFile(name, file);
  std::unique_ptr<leveldb::SequentialFile> reader;
  Status opened = read_frames(*target(), name, *number, reader);
  *file = reader.release();
  return opened;
}

Status LogEnv::RemoveFile(const std::string& name) {
  if (overwriting_ == nullptr || !log_number_of(name)) return EnvWrapper::RemoveFile(name);
  const std::lock_guard lock(mutex_);
  const std::string spare = spare_beside(name);
  std::uint64_t size = 0;
  const bool keep = !FileExists(spare) && GetFileSize(name, &size).ok() && size <= kMaxSpareBytes;
  return keep ? RenameFile(name, spare) : EnvWrapper::RemoveFile(name);
}

}  // namespace storage
