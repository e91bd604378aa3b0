#include "storage/journal_copy.h"

#include <sys/stat.h>

#include <fstream>

#include "doctest/doctest.h"
#include "leveldb/db.h"
#include "storage/check.h"
#include "storage/key.h"
#include "tests/support/storage_samples.h"

using namespace dispatch;
using namespace storage_samples;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMessages = 300;

// More than a slice: 300 messages of 10 kB.
std::unique_ptr<storage::Journal> make_journal(const fs::path& directory) {
  auto journal = open_or_fail({directory});
  must(journal->commit(writes(define(1, "images", "images/+"), define_default_group(1))));
  for (std::uint64_t offset = 1; offset <= kMessages; ++offset)
    must(journal->commit(writes(append(1, offset,
                                       message("images/" + std::to_string(offset),
                                               std::string(10'000, static_cast<char>(offset)))))));
  must(journal->commit(writes(settle(1, 1, 10))));
  must(journal->put_session("client", "its record"));
  return journal;
}

void finish_backup(storage::Journal& journal) {
  for (int turn = 0; turn < 10'000 && journal.backup()->running; ++turn)
    REQUIRE(journal.work().has_value());
  REQUIRE_FALSE(journal.backup()->running);
}

void check_copy(const fs::path& directory) {
  const auto report = storage::check_journal(directory);
  REQUIRE(report.has_value());
  for (const auto& line : report->findings) FAIL_CHECK(line);
  CHECK(report->messages == kMessages - 10);
  auto copy = open_or_fail({directory});
  CHECK(copy->sessions()->at("client") == "its record");
  CHECK(copy->states().queues.at(QueueId{1}).next == Offset{kMessages + 1});
  const auto messages = read_all(*copy, 1);
  CHECK(messages.back().topic == "images/" + std::to_string(kMessages));
}

}  // namespace

TEST_CASE("a backup is the journal as it was when the backup began, whatever goes on meanwhile") {
  const ScratchDirectory scratch;
  const fs::path to = scratch.path() / "backups" / "monday";
  {
    auto journal = make_journal(scratch.path() / "data");
    CHECK_FALSE(journal->backup().has_value());
    must(journal->begin_backup(to));
    CHECK_FALSE(journal->begin_backup(scratch.path() / "other").has_value());  // one at a time
    int slices = 0;
    while (journal->backup()->running) {
      REQUIRE(++slices < 10'000);
      REQUIRE(journal->work().has_value());
      CHECK(fs::exists(to) == !journal->backup()->running);
      const std::uint64_t offset = kMessages + static_cast<std::uint64_t>(slices);
      must(journal->commit(writes(append(1, offset, message("images/late", "late")))));
      must(journal->commit(writes(settle(1, offset, offset))));
      must(journal->checkpoint());
    }
    CHECK(slices >= 3);
    CHECK(journal->backup()->failure.empty());
    CHECK(journal->backup()->copied_bytes >= 10'000 * kMessages);
    CHECK(journal->backup()->copied_bytes == journal->backup()->total_bytes);
    CHECK(read_all(*journal, 1).size() > kMessages - 10);
  }
  CHECK_FALSE(fs::exists(scratch.path() / "backups" / "monday.part"));
  struct stat about {};
  REQUIRE(::stat(to.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0700);
  check_copy(to);
}

TEST_CASE("a restore makes a journal of a backup, and leaves the backup as it is") {
  const ScratchDirectory scratch;
  const fs::path backup = scratch.path() / "backup", data = scratch.path() / "data";
  {
    auto journal = make_journal(scratch.path() / "first");
    must(journal->begin_backup(backup));
    finish_backup(*journal);
  }
  std::uint64_t told = 0;
  must(storage::copy_journal(backup, data, [&](const storage::CopyProgress& progress) {
    CHECK(progress.copied_bytes >= told);
    told = progress.copied_bytes;
  }));
  CHECK(told >= 10'000 * kMessages);
  check_copy(data);
  check_copy(backup);
}

TEST_CASE("a copy never goes where something is, nor is one made of a journal in use") {
  const ScratchDirectory scratch;
  const fs::path data = scratch.path() / "data", to = scratch.path() / "to";
  auto journal = make_journal(data);
  fs::create_directory(to);
  std::ofstream(to / "precious") << "x";
  const auto refused = journal->begin_backup(to);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().text == to.string() + " is there already");
  CHECK(fs::exists(to / "precious"));
  const auto used = storage::copy_journal(data, scratch.path() / "copy");
  REQUIRE_FALSE(used.has_value());
  CHECK(used.error().text.find("in use by another sluice") != std::string::npos);

  fs::remove(to / "precious");
  must(journal->begin_backup(to));  // an empty directory is as good as none
  finish_backup(*journal);
  CHECK(journal->backup()->failure.empty());
  journal.reset();
  check_copy(to);
}

TEST_CASE("a backup that fails is given up and leaves nothing; the journal goes on") {
  const ScratchDirectory scratch;
  const fs::path data = scratch.path() / "data", to = scratch.path() / "to";
  { const auto journal = make_journal(data); }
  tamper(data / "log", [](leveldb::DB&) {});  // what is in its write-ahead log becomes a table
  // A table that can't be read any more: the copy must not be a backup of something else.
  auto journal = open_or_fail({data});
  for (const auto& entry : fs::directory_iterator(data / "log"))
    if (entry.path().extension() == ".ldb" && entry.file_size() > 100'000) {
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(50'000);
      file << "XXXX";
    }
  must(journal->begin_backup(to));
  finish_backup(*journal);
  CHECK_FALSE(journal->backup()->failure.empty());
  CHECK_FALSE(fs::exists(to));
  CHECK_FALSE(fs::exists(scratch.path() / "to.part"));
  CHECK_FALSE(journal->poisoned());
  must(journal->commit(writes(append(1, kMessages + 1, message("images/a", "x")))));
}
