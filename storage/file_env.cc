#include "storage/file_env.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "storage/overwriting_env.h"

namespace storage {
namespace {

using leveldb::Slice;
using leveldb::Status;

Status error_of(const std::string& file) {
  const int error = errno;
  const std::string text = std::strerror(error);
  return error == ENOENT ? Status::NotFound(file, text) : Status::IOError(file, text);
}

// What can't be read because the medium has lost it is damage, as a wrong checksum is; other errors
// (no descriptors, no memory) pass.
Status read_error_of(const std::string& file) {
  return errno == EIO ? Status::Corruption(file, std::strerror(EIO)) : error_of(file);
}

class PreadFile final : public leveldb::RandomAccessFile {
 public:
  PreadFile(std::string name, int descriptor) : name_(std::move(name)), descriptor_(descriptor) {}
  ~PreadFile() override { ::close(descriptor_); }

  Status Read(std::uint64_t offset, std::size_t size, Slice* result, char* scratch) const override {
    std::size_t have = 0;
    while (have < size) {
      const auto got =
          ::pread(descriptor_, scratch + have, size - have, static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return read_error_of(name_);
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    *result = Slice(scratch, have);
    return Status::OK();
  }

 private:
  const std::string name_;
  const int descriptor_;
};

// Syncs the directory with the file's first sync.
class NewFile final : public leveldb::WritableFile {
 public:
  NewFile(std::string name, leveldb::WritableFile* file) : name_(std::move(name)), file_(file) {}

  Status Append(const Slice& data) override { return file_->Append(data); }
  Status Close() override { return file_->Close(); }
  Status Flush() override { return file_->Flush(); }
  Status Sync() override {
    Status status = file_->Sync();
    if (status.ok() && !found_again_) {
      status = sync_name_of(name_);
      found_again_ = status.ok();
    }
    return status;
  }

 private:
  const std::string name_;
  const std::unique_ptr<leveldb::WritableFile> file_;
  bool found_again_ = false;
};

// Writes at once: who appends to it has gathered what belongs together.
class OverwritingFile final : public leveldb::WritableFile {
 public:
  OverwritingFile(std::string name, int descriptor)
      : name_(std::move(name)), descriptor_(descriptor) {}
  ~OverwritingFile() override { close(); }

  Status Append(const Slice& data) override {
    for (std::size_t written = 0; written < data.size();) {
      const auto got = ::write(descriptor_, data.data() + written, data.size() - written);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return error_of(name_);
      written += static_cast<std::size_t>(got);
    }
    return Status::OK();
  }
  Status Flush() override { return Status::OK(); }
  Status Sync() override { return ::fdatasync(descriptor_) == 0 ? Status::OK() : error_of(name_); }
  Status Close() override { return close() == 0 ? Status::OK() : error_of(name_); }

 private:
  int close() {
    const int descriptor = std::exchange(descriptor_, -1);
    return descriptor < 0 ? 0 : ::close(descriptor);
  }

  const std::string name_;
  int descriptor_;
};

class FileEnv final : public OverwritingEnv {
 public:
  FileEnv() : OverwritingEnv(leveldb::Env::Default()) {}

  Status NewOverwritingFile(const std::string& name, leveldb::WritableFile** file) override {
    *file = nullptr;
    const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (descriptor < 0) return error_of(name);
    *file = new OverwritingFile(name, descriptor);
    return Status::OK();
  }

  Status NewRandomAccessFile(const std::string& name, leveldb::RandomAccessFile** file) override {
    *file = nullptr;
    const int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return error_of(name);
    *file = new PreadFile(name, descriptor);
    return Status::OK();
  }

  Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override {
    Status made = owner_only(name, EnvWrapper::NewWritableFile(name, file));
    if (made.ok()) *file = new NewFile(name, *file);
    return made;
  }

  Status CreateDir(const std::string& name) override {
    const Status made = EnvWrapper::CreateDir(name);
    return made.ok() ? sync_name_of(name) : made;
  }

  Status RenameFile(const std::string& from, const std::string& to) override {
    const Status renamed = EnvWrapper::RenameFile(from, to);
    return renamed.ok() ? sync_name_of(to) : renamed;
  }

  Status NewAppendableFile(const std::string& name, leveldb::WritableFile** file) override {
    return owner_only(name, EnvWrapper::NewAppendableFile(name, file));
  }

  Status NewLogger(const std::string& name, leveldb::Logger** logger) override {
    return owner_only(name, EnvWrapper::NewLogger(name, logger));
  }

  Status LockFile(const std::string& name, leveldb::FileLock** lock) override {
    return owner_only(name, EnvWrapper::LockFile(name, lock));
  }

 private:
  // LevelDB makes files 0644, so this narrows them right after. Nobody gets in between: the
  // directory above is 0700.
  static Status owner_only(const std::string& name, Status made) {
    if (made.ok()) ::chmod(name.c_str(), S_IRUSR | S_IWUSR);
    return made;
  }
};

}  // namespace

Status sync_name_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  const std::string directory = parent.empty() ? "." : parent.string();
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return error_of(directory);
  Status status;
  if (::fsync(descriptor) != 0) status = error_of(directory);
  ::close(descriptor);
  return status;
}

leveldb::Env* file_env() {
  static auto* const env = new FileEnv;
  return env;
}

}  // namespace storage
