#include "storage/write_ahead_log.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "storage/coding.h"
#include "storage/crc32c.h"

namespace storage {
namespace {

using leveldb::Slice;
using leveldb::Status;

// The 7th byte of what LevelDB writes itself is 0 to 4.
constexpr std::string_view kMagic = "Sluice\xFFw";

// Of LevelDB's stream in one frame. It flushes at least each 32 KiB.
constexpr std::size_t kMaxFrameBytes = 64u << 10;

struct FrameHead {
  std::uint64_t salt = 0;
  std::uint64_t at = 0;      // where its bytes belong in LevelDB's stream
  std::uint64_t synced = 0;  // of the stream, when the frame was written
  std::uint32_t length = 0;

  static constexpr std::size_t kSealed = 28;
  static constexpr std::size_t kBytes = kSealed + 4;  // with the crc of all of it and the bytes
};

void put_head(std::string& out, const FrameHead& head) {
  put_fixed64(out, head.salt);
  put_fixed64(out, head.at);
  put_fixed64(out, head.synced);
  put_fixed32(out, head.length);
}

std::optional<LogHeader> decode_header(std::string_view bytes) {
  if (bytes.size() < LogHeader::kBytes) return {};
  Reader reader(bytes.substr(kMagic.size(), LogHeader::kBytes - kMagic.size()));
  LogHeader header{reader.fixed64(), reader.fixed64()};
  if (reader.fixed32() != crc32c(bytes.substr(0, LogHeader::kBytes - 4))) return {};
  return header;
}

// The frame that `bytes` begins with, if it is whole; its bytes follow the head.
std::optional<FrameHead> decode_frame(std::string_view bytes, std::uint64_t salt) {
  if (bytes.size() < FrameHead::kBytes) return {};
  Reader reader(bytes);
  const FrameHead head{reader.fixed64(), reader.fixed64(), reader.fixed64(), reader.fixed32()};
  const std::uint32_t crc = reader.fixed32();
  if (head.salt != salt || head.length > kMaxFrameBytes || reader.left() < head.length) return {};
  const std::uint32_t whole = extend_crc32c(crc32c(bytes.substr(0, FrameHead::kSealed)),
                                            bytes.substr(FrameHead::kBytes, head.length));
  return crc == whole ? std::optional(head) : std::nullopt;
}

class FrameWriter final : public leveldb::WritableFile {
 public:
  FrameWriter(std::unique_ptr<leveldb::WritableFile> file, std::uint64_t salt)
      : file_(std::move(file)), salt_(salt), frame_(FrameHead::kBytes, '\0') {}

  Status Append(const Slice& data) override {
    std::string_view left(data.data(), data.size());
    while (!left.empty()) {
      const auto part = left.substr(0, kMaxFrameBytes - (frame_.size() - FrameHead::kBytes));
      frame_.append(part);
      left.remove_prefix(part.size());
      if (frame_.size() < FrameHead::kBytes + kMaxFrameBytes) break;
      if (Status done = Flush(); !done.ok()) return done;
    }
    return Status::OK();
  }

  Status Flush() override {
    const std::size_t length = frame_.size() - FrameHead::kBytes;
    if (length == 0) return Status::OK();
    std::string head;
    put_head(head, {salt_, at_, synced_, static_cast<std::uint32_t>(length)});
    put_fixed32(head,
                extend_crc32c(crc32c(head), std::string_view(frame_).substr(FrameHead::kBytes)));
    frame_.replace(0, head.size(), head);
    Status done = file_->Append(frame_);
    frame_.resize(FrameHead::kBytes);
    at_ += length;
    return done;
  }

  Status Sync() override {
    if (Status done = Flush(); !done.ok()) return done;
    Status done = file_->Sync();
    if (done.ok()) synced_ = at_;
    return done;
  }

  Status Close() override {
    Status done = Flush();
    Status closed = file_->Close();
    return done.ok() ? closed : done;
  }

 private:
  const std::unique_ptr<leveldb::WritableFile> file_;
  const std::uint64_t salt_;
  std::string frame_;  // room for its head, then what LevelDB has appended since the last one
  std::uint64_t at_ = 0;
  std::uint64_t synced_ = 0;
};

// Up to `size` bytes more at the end of `bytes`; fewer at the end of the file.
Status read_more(leveldb::SequentialFile& file, std::size_t size, std::string& bytes) {
  const std::size_t had = bytes.size();
  bytes.resize(had + size);
  std::size_t got = 0;
  while (got < size) {
    Slice part;
    Status done = file.Read(size - got, &part, bytes.data() + had + got);
    if (!done.ok()) return done;
    if (part.empty()) break;
    if (part.data() != bytes.data() + had + got)
      std::memmove(bytes.data() + had + got, part.data(), part.size());
    got += part.size();
  }
  bytes.resize(had + got);
  return Status::OK();
}

class FrameReader final : public leveldb::SequentialFile {
 public:
  FrameReader(std::unique_ptr<leveldb::SequentialFile> file, std::string name, std::uint64_t salt)
      : file_(std::move(file)), name_(std::move(name)), salt_(salt) {}

  Status Read(std::size_t size, Slice* result, char* scratch) override {
    std::size_t copied = 0;
    *result = Slice();
    while (copied < size && !ended_) {
      if (left_.empty()) {
        if (Status done = next_frame(); !done.ok()) return done;
        continue;
      }
      const auto part = left_.substr(0, size - copied);
      std::memcpy(scratch + copied, part.data(), part.size());
      left_.remove_prefix(part.size());
      copied += part.size();
    }
    *result = Slice(scratch, copied);
    return Status::OK();
  }

  Status Skip(std::uint64_t size) override {
    std::string skipped(static_cast<std::size_t>(std::min<std::uint64_t>(size, kMaxFrameBytes)),
                        '\0');
    for (Slice part; size > 0; size -= part.size()) {
      Status done = Read(std::min<std::size_t>(size, skipped.size()), &part, skipped.data());
      if (!done.ok() || part.empty()) return done;
    }
    return Status::OK();
  }

 private:
  Status next_frame() {
    frame_.clear();
    if (Status done = read_more(*file_, FrameHead::kBytes, frame_); !done.ok()) return done;
    if (frame_.size() == FrameHead::kBytes) {
      const std::uint64_t length = Reader(std::string_view(frame_).substr(24)).fixed32();
      if (length <= kMaxFrameBytes)
        if (Status done = read_more(*file_, length, frame_); !done.ok()) return done;
    }
    const auto head = decode_frame(frame_, salt_);
    if (!head || head->at != at_) return end_here();
    left_ = std::string_view(frame_).substr(FrameHead::kBytes);
    at_ += head->length;
    return Status::OK();
  }

  // What follows is of an older log, or was torn, unless a frame of this log says that this place
  // was synced before it was written itself.
  Status end_here() {
    ended_ = true;
    for (std::size_t got = 1; got > 0;) {
      const std::size_t had = frame_.size();
      if (Status done = read_more(*file_, kScanBytes, frame_); !done.ok()) return done;
      got = frame_.size() - had;
      if (knows_of_here(frame_))
        return Status::Corruption(name_, "is damaged after its first " + std::to_string(at_) +
                                             " bytes, which were followed by others");
      // A frame that is not all there yet begins in what is kept.
      const std::size_t keep = FrameHead::kBytes + kMaxFrameBytes;
      if (frame_.size() > keep) frame_.erase(0, frame_.size() - keep);
    }
    return Status::OK();
  }

  bool knows_of_here(std::string_view bytes) const {
    std::string salt;
    put_fixed64(salt, salt_);
    for (auto found = bytes.find(salt); found != bytes.npos; found = bytes.find(salt, found + 1)) {
      const auto head = decode_frame(bytes.substr(found), salt_);
      if (head && head->synced > at_) return true;
    }
    return false;
  }

  static constexpr std::size_t kScanBytes = 1u << 20;

  const std::unique_ptr<leveldb::SequentialFile> file_;
  const std::string name_;
  const std::uint64_t salt_;
  std::string frame_;
  std::string_view left_;  // of the frame
  std::uint64_t at_ = 0;   // of the stream, behind the frame
  bool ended_ = false;
};

}  // namespace

std::string LogHeader::encode() const {
  std::string bytes(kMagic);
  put_fixed64(bytes, number);
  put_fixed64(bytes, salt);
  put_fixed32(bytes, crc32c(bytes));
  return bytes;
}

std::unique_ptr<leveldb::WritableFile> write_frames(std::unique_ptr<leveldb::WritableFile> file,
                                                    std::uint64_t salt) {
  return std::make_unique<FrameWriter>(std::move(file), salt);
}

Status read_frames(leveldb::Env& env, const std::string& name, std::uint64_t number,
                   std::unique_ptr<leveldb::SequentialFile>& reader) {
  reader.reset();
  const auto open = [&](std::unique_ptr<leveldb::SequentialFile>& to) {
    leveldb::SequentialFile* file = nullptr;
    Status opened = env.NewSequentialFile(name, &file);
    to.reset(file);
    return opened;
  };
  std::unique_ptr<leveldb::SequentialFile> file;
  if (Status opened = open(file); !opened.ok()) return opened;
  std::string begin;
  if (Status done = read_more(*file, LogHeader::kBytes, begin); !done.ok()) return done;
  if (!begin.starts_with(kMagic)) return open(reader);
  const auto header = decode_header(begin);
  if (!header || header->number != number)
    return Status::Corruption(name, "its header is damaged, or another log's");
  reader = std::make_unique<FrameReader>(std::move(file), name, header->salt);
  return Status::OK();
}

}  // namespace storage
