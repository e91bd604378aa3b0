#include "storage/spill.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "doctest/doctest.h"
#include "leveldb/db.h"
#include "leveldb/env.h"
#include "storage/check.h"
#include "storage/inspection.h"
#include "storage/spill_index.h"
#include "tests/support/storage_samples.h"

// Messages that stay long are moved out of the log, and nobody notices but the disk.

using namespace dispatch;
using namespace storage_samples;
using storage::Journal;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMessageBytes = 4000;

storage::JournalOptions small_window(const fs::path& directory) {
  return {.directory = directory,
          .checkpoint_bytes = 256u << 10,
          .reclaim_bytes = 256u << 10,
          .slice_bytes = 16u << 10,
          .window_bytes = 1u << 20};
}

std::string payload_of(std::uint64_t offset) {
  std::string payload = std::to_string(offset) + ' ';
  payload.resize(kMessageBytes, '.');
  return payload;
}

void work(Journal& journal) {
  for (int slices = 0;; ++slices) {
    const auto more = journal.work();
    if (!more) FAIL(more.error().text);
    REQUIRE(slices < 10'000);
    if (!*more) return;
  }
}

Write append_one(std::uint32_t queue, std::uint64_t offset) {
  auto write = append(queue, offset, message("t", payload_of(offset)));
  std::get<Append>(write).bytes = kMessageBytes;
  return write;
}

Write settle_one(std::uint32_t queue, std::uint64_t offset) {
  auto write = settle(queue, offset, offset);
  std::get<Settle>(write).bytes = kMessageBytes;
  return write;
}

// Queues of which some messages stay: those of which `stays` says so. All others are settled with
// the next commit.
class Traffic {
 public:
  explicit Traffic(Journal& journal) : journal_(journal) {}

  void define(std::uint32_t queue) {
    must(journal_.commit(
        writes(storage_samples::define(queue, "q" + std::to_string(queue), std::to_string(queue)),
               define_default_group(queue))));
    next_[queue] = 1;
  }

  template <class Stays>
  void run(std::uint64_t commits, Stays&& stays) {
    for (std::uint64_t i = 0; i < commits; ++i) {
      std::vector<Write> all = std::move(settlements_);
      settlements_.clear();
      for (auto& [queue, next] : next_) {
        all.push_back(append_one(queue, next));
        if (stays(queue, next))
          kept[queue].insert(next);
        else
          settlements_.push_back(settle_one(queue, next));
        ++next;
      }
      must(journal_.commit(all));
      if (i % 8 == 0) work(journal_);
    }
    must(journal_.commit(settlements_));
    settlements_.clear();
    work(journal_);
  }

  void settle_all(std::uint32_t queue) {
    std::vector<Write> all;
    for (const auto offset : kept[queue]) all.push_back(settle_one(queue, offset));
    must(journal_.commit(all));
    kept[queue].clear();
  }

  void forget(std::uint32_t queue) {
    next_.erase(queue);
    kept.erase(queue);
  }

  std::map<std::uint32_t, std::set<std::uint64_t>> kept;

 private:
  Journal& journal_;
  std::map<std::uint32_t, std::uint64_t> next_;
  std::vector<Write> settlements_;
};

// That all of them can be read, in small reads and in one.
void check_kept(Journal& journal,
                const std::map<std::uint32_t, std::set<std::uint64_t>>& expected) {
  const auto states = journal.states();
  for (const auto& [queue, offsets] : expected) {
    const QueueState& state = states.queues.at(QueueId{queue});
    for (const std::uint32_t at_most : {3u, ~0u}) {
      std::set<std::uint64_t> found;
      for (Offset from{1}; from < state.next;) {
        const auto some = journal.read(QueueId{queue}, from, state.next, at_most, ~0ull);
        if (!some) FAIL(some.error().text);
        if (some->empty()) break;
        for (const auto& each : *some) {
          REQUIRE(each.offset >= from);
          REQUIRE(each.message->payload == payload_of(each.offset.value));
          from = next(each.offset);
          if (state.keeps(each.offset)) found.insert(each.offset.value);
        }
      }
      CHECK(found == offsets);
    }
  }
  CHECK(journal.take_damage().empty());
}

std::uint64_t log_bytes(const Journal& journal) {
  const auto stats = journal.stats();
  return (stats.last_commit - stats.first_commit) * kMessageBytes;
}

void check_sound(const fs::path& directory) {
  const auto report = storage::check_journal(directory);
  if (!report) FAIL(report.error().text);
  CHECK(report->ok());
  for (const auto& line : report->findings) FAIL_CHECK(line);
}

const auto one_in_a_hundred = [](std::uint32_t, std::uint64_t offset) { return offset % 100 == 7; };
const auto none = [](std::uint32_t, std::uint64_t) { return false; };
const auto all = [](std::uint32_t, std::uint64_t) { return true; };

// A disk that this thread can't read; LevelDB's own may go on.
class UnreadableEnv final : public leveldb::EnvWrapper {
 public:
  UnreadableEnv() : EnvWrapper(leveldb::Env::Default()) {}

  bool fails = false;

  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** file) override {
    const auto status = EnvWrapper::NewRandomAccessFile(name, file);
    if (status.ok()) *file = new File(*this, *file);
    return status;
  }

 private:
  class File final : public leveldb::RandomAccessFile {
   public:
    File(const UnreadableEnv& env, leveldb::RandomAccessFile* file) : env_(env), file_(file) {}
    leveldb::Status Read(std::uint64_t offset, std::size_t size, leveldb::Slice* result,
                         char* scratch) const override {
      if (std::this_thread::get_id() == env_.thread_ && env_.fails)
        return leveldb::Status::IOError("no descriptors (test)");
      return file_->Read(offset, size, result, scratch);
    }

   private:
    const UnreadableEnv& env_;
    const std::unique_ptr<leveldb::RandomAccessFile> file_;
  };

  const std::thread::id thread_ = std::this_thread::get_id();
};

}  // namespace

TEST_CASE("a message that nobody settles doesn't keep what came after it on the disk") {
  const ScratchDirectory scratch;
  const auto options = small_window(scratch.path());
  std::map<std::uint32_t, std::set<std::uint64_t>> kept;
  {
    auto journal = open_or_fail(options);
    Traffic traffic(*journal);
    traffic.define(1);
    traffic.run(3000, one_in_a_hundred);  // 12 MB
    kept = traffic.kept;
    CHECK(journal->stats().moved_messages >= 20);
    CHECK(journal->stats().moved_messages < 30);  // those in the window aren't
    CHECK(log_bytes(*journal) < 3u << 20);
    check_kept(*journal, kept);
  }
  check_sound(scratch.path());
  auto journal = open_or_fail(options);
  check_kept(*journal, kept);
}

TEST_CASE("a backlog that is drained in order stays where it is") {
  const ScratchDirectory scratch;
  auto journal = open_or_fail(small_window(scratch.path()));
  Traffic traffic(*journal);
  traffic.define(1);
  traffic.run(1000, all);
  CHECK(journal->stats().moved_messages == 0);
  check_kept(*journal, traffic.kept);
}

TEST_CASE("a backlog among traffic that is settled is moved, whole and in order") {
  const ScratchDirectory scratch;
  const auto options = small_window(scratch.path());
  auto journal = open_or_fail(options);
  Traffic traffic(*journal);
  for (std::uint32_t queue = 1; queue <= 5; ++queue) traffic.define(queue);
  traffic.run(800, [](std::uint32_t queue, std::uint64_t offset) {
    return queue == 1 || (queue == 2 && offset % 3 == 0);
  });
  CHECK(journal->stats().moved_messages > 700);
  check_kept(*journal, traffic.kept);
  journal.reset();
  check_sound(scratch.path());
  journal = open_or_fail(options);
  check_kept(*journal, traffic.kept);
}

TEST_CASE("what was moved is removed when it is settled, and its disk space comes back") {
  const ScratchDirectory scratch;
  const auto options = small_window(scratch.path());
  const auto state_bytes = [&] {
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(scratch.path() / "state"))
      bytes += entry.file_size();
    return bytes;
  };
  auto journal = open_or_fail(options);
  Traffic traffic(*journal);
  for (std::uint32_t queue = 1; queue <= 5; ++queue) traffic.define(queue);
  traffic.run(1500, [](std::uint32_t queue, std::uint64_t) { return queue == 1; });
  const auto full = state_bytes();
  CHECK(journal->stats().moved_bytes > 4'000'000);
  CHECK(full > 1'000'000);  // LevelDB compresses what is in state/
  traffic.settle_all(1);
  traffic.run(200, none);
  must(journal->checkpoint());
  work(*journal);
  must(journal->checkpoint());
  CHECK(state_bytes() < full / 4);
  journal.reset();
  {
    const auto inspection = storage::Inspection::open(scratch.path());
    REQUIRE(inspection.has_value());
    CHECK((*inspection)->figures().spilled_blocks == 0);
  }
  check_sound(scratch.path());
  journal = open_or_fail(options);
  CHECK(journal->states().queues.at(QueueId{1}).kept() == 0);
}

TEST_CASE("a deleted queue takes along what was moved, also over a restart in between") {
  const ScratchDirectory scratch;
  const auto options = small_window(scratch.path());
  auto journal = open_or_fail(options);
  Traffic traffic(*journal);
  for (std::uint32_t queue = 1; queue <= 3; ++queue) traffic.define(queue);
  traffic.run(800, [](std::uint32_t queue, std::uint64_t) { return queue == 1; });
  REQUIRE(journal->stats().moved_messages > 0);
  must(journal->commit(writes(drop(1))));
  traffic.forget(1);
  SUBCASE("at once") { work(*journal); }
  SUBCASE("after a kill") {
    journal.reset();
    journal = open_or_fail(options);
    work(*journal);
  }
  SUBCASE("after a checkpoint and an end") {
    must(journal->checkpoint());
    journal.reset();
    journal = open_or_fail(options);
    work(*journal);
  }
  journal.reset();
  check_sound(scratch.path());
  const auto inspection = storage::Inspection::open(scratch.path());
  REQUIRE(inspection.has_value());
  int blocks = 0;
  must((*inspection)->each_spilled([&](const storage::SpilledView&) { return ++blocks > 0; }));
  CHECK(blocks == 0);
}

TEST_CASE("a commit that can't be used any more costs its own messages only, moved or not") {
  const ScratchDirectory scratch;
  const auto options = small_window(scratch.path());
  {
    auto journal = open_or_fail(options);
    Traffic traffic(*journal);
    traffic.define(1);
    traffic.run(200, [](std::uint32_t, std::uint64_t offset) { return offset % 10 == 0; });
    must(journal->checkpoint());
    CHECK(journal->stats().moved_messages == 0);
  }
  tamper(scratch.path() / "log", [](leveldb::DB& log) {
    std::string block;
    const std::string key = storage::log_key(51);  // commit 1 defines, so it has offset 50
    REQUIRE(log.Get({}, key, &block).ok());
    block[block.size() / 2] ^= 1;
    REQUIRE(log.Put({}, key, block).ok());
  });
  auto journal = open_or_fail(options);
  std::uint64_t next = 201;
  while (journal->stats().moved_messages < 10) {
    REQUIRE(next < 3000);
    must(journal->commit(writes(append_one(1, next), settle_one(1, next))));
    ++next;
    work(*journal);
  }
  const auto damage = journal->take_damage();
  REQUIRE(damage.size() == 1);
  CHECK(damage[0] == "commit 51 is damaged: wrong checksum");
  const auto found = journal->read(QueueId{1}, Offset{1}, Offset{111}, ~0u, ~0ull);
  REQUIRE(found.has_value());
  std::vector<std::uint64_t> offsets;
  for (const auto& each : *found) offsets.push_back(each.offset.value);
  CHECK(offsets == std::vector<std::uint64_t>{10, 20, 30, 40, 60, 70, 80, 90, 100, 110});
  CHECK(journal->take_damage().empty());
}

TEST_CASE("a log that can't be read for a while is left as it is, and nothing is poisoned") {
  const ScratchDirectory scratch;
  UnreadableEnv env;
  auto options = small_window(scratch.path() / "journal");
  options.env = &env;
  options.log_buffer_bytes = 1;  // LevelDB makes 64 KiB of it: what is older is in files
  auto journal = open_or_fail(options);
  Traffic traffic(*journal);
  traffic.define(1);
  env.fails = true;
  traffic.run(1000, one_in_a_hundred);
  CHECK(journal->stats().moved_messages == 0);
  CHECK(log_bytes(*journal) > 3'900'000);
  env.fails = false;
  traffic.run(1000, one_in_a_hundred);
  CHECK(journal->stats().moved_messages >= 10);
  CHECK(log_bytes(*journal) < 3u << 20);
  check_kept(*journal, traffic.kept);
}

TEST_CASE("a block that is damaged is named, and what it held is left out") {
  const ScratchDirectory scratch;
  const auto options = small_window(scratch.path());
  {
    auto journal = open_or_fail(options);
    Traffic traffic(*journal);
    traffic.define(1);
    traffic.run(3000, one_in_a_hundred);
  }
  tamper(scratch.path() / "state", [](leveldb::DB& state) {
    const std::unique_ptr<leveldb::Iterator> it(state.NewIterator({}));
    it->Seek("b");
    REQUIRE(it->Valid());
    std::string value = it->value().ToString();
    value[value.size() / 2] ^= 1;
    REQUIRE(state.Put({}, it->key(), value).ok());
  });
  const auto report = storage::check_journal(scratch.path());
  REQUIRE(report.has_value());
  CHECK(report->problems >= 2);
  CHECK(report->findings[0].find("block 7 of queue 1 is damaged: wrong checksum") == 0);
  auto journal = open_or_fail(options);
  const auto found = journal->read(QueueId{1}, Offset{1}, Offset{3001}, ~0u, ~0ull);
  REQUIRE(found.has_value());
  CHECK_FALSE(found->empty());
  CHECK(found->front().offset > Offset{7});
  const auto damage = journal->take_damage();
  REQUIRE(damage.size() == 1);
  CHECK(damage[0].find("block 7 of queue 1 is damaged") == 0);
}
