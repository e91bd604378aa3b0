#include "storage/log_env.h"

#include <memory>
#include <utility>

namespace storage {

using leveldb::Slice;
using leveldb::Status;

class LogEnv::WriteAheadLog final : public leveldb::WritableFile {
 public:
  WriteAheadLog(LogEnv& env, leveldb::WritableFile* file) : env_(env), file_(file) {}
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

  // Also if nothing was written: a name that is not durable would be missing in between.
  Status sync_if_needed() { return synced_ ? Status::OK() : Sync(); }

 private:
  LogEnv& env_;
  const std::unique_ptr<leveldb::WritableFile> file_;
  bool synced_ = false;
};

Status LogEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  if (!name.ends_with(".log")) return EnvWrapper::NewWritableFile(name, file);
  if (newest_ != nullptr)
    if (Status synced = newest_->sync_if_needed(); !synced.ok()) return synced;
  Status made = EnvWrapper::NewWritableFile(name, file);
  if (made.ok()) *file = newest_ = new WriteAheadLog(*this, *file);
  return made;
}

}  // namespace storage
