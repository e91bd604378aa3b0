#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "doctest/doctest.h"
#include "storage/log_env.h"
#include "storage/write_ahead_log.h"
#include "tests/support/power_loss_env.h"

// Write-ahead logs that are written over old ones: after a power cut a log has what was synced, and
// perhaps a beginning of what came after it; never anything of the log that was there before.

using namespace power_loss;

namespace {

std::string name_of(std::uint64_t number) { return "/db/" + std::to_string(number) + ".log"; }

leveldb::Status read_all(leveldb::Env& env, const std::string& name, std::string& content) {
  leveldb::SequentialFile* file = nullptr;
  leveldb::Status status = env.NewSequentialFile(name, &file);
  const std::unique_ptr<leveldb::SequentialFile> owner(file);
  std::vector<char> scratch(5000);
  content.clear();
  for (leveldb::Slice part; status.ok(); content.append(part.data(), part.size())) {
    status = file->Read(scratch.size(), &part, scratch.data());
    if (part.empty()) break;
  }
  return status;
}

// A log as it is written, and what must be found of it.
class WrittenLog {
 public:
  WrittenLog(leveldb::Env& env, std::uint64_t number, std::mt19937_64& random) : random_(random) {
    leveldb::WritableFile* file = nullptr;
    REQUIRE(env.NewWritableFile(name_of(number), &file).ok());
    file_.reset(file);
  }

  void write(std::size_t frames) {
    for (; frames > 0; --frames) {
      if (random_() % 3 == 0) sync();
      const std::string bytes(random_() % (random_() % 8 == 0 ? 4000 : 200) + 1,
                              static_cast<char>('a' + random_() % 26));
      known_ = synced_;
      REQUIRE(file_->Append(bytes).ok());
      REQUIRE(file_->Flush().ok());
      written_ += bytes;
      begins_.push_back(begins_.back() + 32 + bytes.size());
    }
  }
  void sync() {
    REQUIRE(file_->Sync().ok());
    synced_ = written_.size();
  }
  void close() { file_.reset(); }

  const std::string& written() const { return written_; }
  std::size_t synced() const { return synced_; }
  std::size_t known() const { return known_; }
  const std::vector<std::size_t>& begins() const { return begins_; }

 private:
  std::mt19937_64& random_;
  std::unique_ptr<leveldb::WritableFile> file_;
  std::string written_;
  std::size_t synced_ = 0;
  std::size_t known_ = 0;  // synced_ when the newest frame was written: it says so
  std::vector<std::size_t> begins_ = {28u};  // of frames in the file; the last is of the next one
};

}  // namespace

TEST_CASE("a log over an old one is found again up to a place behind its last sync") {
  std::size_t longer = 0, shorter = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    PowerLossEnv disk(seed);
    std::mt19937_64 random(seed);
    std::uint64_t number = 0;
    for (const Loss loss : {Loss::drop, Loss::keep, Loss::tear, Loss::tear, Loss::tear}) {
      storage::LogEnv env(disk);
      WrittenLog log(env, ++number, random);
      log.write(random() % 20);
      log.close();
      disk.cut_power(loss);
      std::string found;
      REQUIRE(read_all(env, name_of(number), found).ok());
      REQUIRE(found.size() >= log.synced());
      REQUIRE(log.written().starts_with(found));
      if (loss == Loss::keep) REQUIRE(found == log.written());
      if (loss == Loss::drop) REQUIRE(found.size() == log.synced());
      (found == log.written() ? longer : shorter) += 1;
      REQUIRE(env.RemoveFile(name_of(number)).ok());
      REQUIRE(env.FileExists("/db/spare"));
      REQUIRE_FALSE(env.FileExists(name_of(number)));
    }
  }
  CHECK(longer > 300);
  CHECK(shorter > 300);
}

TEST_CASE("a disk that fails while a log is begun leaves none, or one that is empty") {
  for (const Loss loss : {Loss::drop, Loss::keep, Loss::tear}) {
    for (std::uint64_t operation = 1; operation <= 4; ++operation) {
      CAPTURE(operation);
      PowerLossEnv disk(operation);
      std::mt19937_64 random(operation);
      storage::LogEnv env(disk);
      {
        WrittenLog old(env, 1, random);
        old.write(20);
        old.sync();
      }
      REQUIRE(env.RemoveFile(name_of(1)).ok());
      disk.fail_at(operation, Fault::for_ever);
      leveldb::WritableFile* file = nullptr;
      CHECK_FALSE(env.NewWritableFile(name_of(2), &file).ok());
      CHECK(file == nullptr);
      disk.cut_power(loss);
      CHECK_FALSE(env.FileExists(name_of(2)));
      WrittenLog(env, 2, random).write(0);
      std::string found;
      CHECK(read_all(env, name_of(2), found).ok());
      CHECK(found.empty());
    }
  }
}

TEST_CASE("damage in front of what was synced is loud; the last frame can only be taken as torn") {
  std::size_t loud = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    PowerLossEnv disk(seed);
    std::mt19937_64 random(seed);
    storage::LogEnv env(disk);
    WrittenLog log(env, 1, random);
    log.write(20);
    log.sync();
    log.close();
    std::string bytes;
    REQUIRE(read_all(disk, name_of(1), bytes).ok());
    REQUIRE(bytes.size() == log.begins().back());
    const std::size_t at = 28 + random() % (bytes.size() - 28);
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    REQUIRE(leveldb::WriteStringToFile(&disk, bytes, name_of(1)).ok());
    const auto frame = std::ranges::upper_bound(log.begins(), at) - log.begins().begin() - 1;
    const auto before = log.begins()[static_cast<std::size_t>(frame)] - 28 -
                        32 * static_cast<std::size_t>(frame);  // of LevelDB's bytes
    std::string found;
    const auto status = read_all(env, name_of(1), found);
    CHECK(status.ok() == (log.known() <= before));
    if (status.ok()) CHECK(found == log.written().substr(0, before));
    if (!status.ok())
      CHECK(status.ToString().find("is damaged after its first") != std::string::npos);
    loud += status.ok() ? 0 : 1;
  }
  CHECK(loud > 100);
}

TEST_CASE(
    "a header that is damaged, or of another log, is refused; a log without one is LevelDB's") {
  PowerLossEnv disk(1);
  std::mt19937_64 random(1);
  storage::LogEnv env(disk);
  {
    WrittenLog log(env, 1, random);
    log.write(3);
    log.sync();
  }
  std::string bytes, found;
  REQUIRE(read_all(disk, name_of(1), bytes).ok());
  REQUIRE(leveldb::WriteStringToFile(&disk, bytes, name_of(2)).ok());
  CHECK(read_all(env, name_of(2), found).IsCorruption());
  bytes[12] ^= 1;
  REQUIRE(leveldb::WriteStringToFile(&disk, bytes, name_of(1)).ok());
  CHECK(read_all(env, name_of(1), found).IsCorruption());
  bytes[2] ^= 1;
  REQUIRE(leveldb::WriteStringToFile(&disk, bytes, name_of(1)).ok());
  CHECK(read_all(env, name_of(1), found).ok());
  CHECK(found == bytes);
}
