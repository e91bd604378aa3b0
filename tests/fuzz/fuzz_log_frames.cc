#include <memory>
#include <string>

#include "leveldb/env.h"
#include "leveldb/helpers/memenv.h"
#include "storage/write_ahead_log.h"
#include "tests/fuzz/fuzz_target.h"

// Any bytes as the file of write-ahead log 5: it is refused, or what is read of it is all of it, as
// LevelDB's own, or less than it, out of frames; and written again into frames it reads the same.

namespace {

constexpr const char* kFile = "/000005.log";
constexpr const char* kAgain = "/again";

bool read(leveldb::Env& env, const char* name, std::string& content) {
  std::unique_ptr<leveldb::SequentialFile> file;
  if (!storage::read_frames(env, name, 5, file).ok()) return false;
  char scratch[1000];
  for (leveldb::Slice part;;) {
    if (!file->Read(sizeof(scratch), &part, scratch).ok()) return false;
    if (part.empty()) return true;
    content.append(part.data(), part.size());
  }
}

void write(leveldb::Env& env, const std::string& content) {
  leveldb::WritableFile* file = nullptr;
  const storage::LogHeader header{5, 77};
  FUZZ_REQUIRE(env.NewWritableFile(kAgain, &file).ok());
  FUZZ_REQUIRE(file->Append(header.encode()).ok());
  const auto log = storage::write_frames(std::unique_ptr<leveldb::WritableFile>(file), header.salt);
  FUZZ_REQUIRE(log->Append(content).ok() && log->Sync().ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::unique_ptr<leveldb::Env> env(leveldb::NewMemEnv(leveldb::Env::Default()));
  const leveldb::Slice bytes(reinterpret_cast<const char*>(data), size);
  FUZZ_REQUIRE(leveldb::WriteStringToFile(env.get(), bytes, kFile).ok());
  std::string content, again;
  if (!read(*env, kFile, content)) return 0;
  FUZZ_REQUIRE(content == bytes.ToString() || content.size() < size);
  write(*env, content);
  FUZZ_REQUIRE(read(*env, kAgain, again) && again == content);
  return 0;
}
