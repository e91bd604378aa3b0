#include "storage/check.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "doctest/doctest.h"
#include "leveldb/db.h"
#include "storage/inspection.h"
#include "storage/key.h"
#include "tests/support/storage_samples.h"

using namespace dispatch;
using namespace storage_samples;
using storage::check_journal;
using storage::CheckReport;
using storage::Inspection;

namespace {

namespace fs = std::filesystem;

// Eight commits; the first seven are covered by a checkpoint. Of queue 1, offsets 2 to 6 are kept.
void make_journal(const fs::path& directory) {
  auto journal = open_or_fail({directory});
  must(journal->commit(writes(define(1, "images", "images/+"), define_default_group(1))));
  for (std::uint64_t offset = 1; offset <= 5; ++offset)
    must(journal->commit(writes(append(1, offset, rich_message(offset)))));
  must(journal->commit(writes(settle(1, 1, 1), attempt(1, 3, 1))));
  must(journal->put_session("client", "its record"));
  must(journal->checkpoint());
  must(journal->commit(writes(append(1, 6, rich_message(6)))));
}

CheckReport report_of(const fs::path& directory) {
  auto report = check_journal(directory);
  if (!report) FAIL(report.error().text);
  return std::move(*report);
}

bool has_finding(const CheckReport& report, const std::string& part) {
  return std::ranges::any_of(report.findings, [&](const std::string& line) {
    return line.find(part) != std::string::npos;
  });
}

void flip(leveldb::DB& database, const std::string& key) {
  std::string value;
  REQUIRE(database.Get({}, key, &value).ok());
  value[value.size() / 2] ^= 1;
  REQUIRE(database.Put({}, key, value).ok());
}

// Every file under it, with its bytes.
std::map<std::string, std::string> contents(const fs::path& directory) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ostringstream bytes;
    bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    all[entry.path().string()] = std::move(bytes).str();
  }
  return all;
}

}  // namespace

TEST_CASE("a sound journal has no findings, and looking changes no byte of it") {
  const ScratchDirectory scratch;
  make_journal(scratch.path());
  const auto before = contents(scratch.path());
  const CheckReport report = report_of(scratch.path());
  CHECK(report.ok());
  CHECK(report.findings.empty());
  CHECK(report.queues == 1);
  CHECK(report.commits == 7);  // the first one is needed by nobody
  CHECK(report.messages == 5);
  CHECK(report.bytes > 500);
  CHECK(contents(scratch.path()) == before);
}

TEST_CASE("a journal that is in use, and a directory without one, are refused") {
  const ScratchDirectory scratch;
  const auto none = check_journal(scratch.path());
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().text.find("holds no journal") != std::string::npos);
  const auto journal = open_or_fail({scratch.path()});
  const auto used = check_journal(scratch.path());
  REQUIRE_FALSE(used.has_value());
  CHECK(used.error().text.find("in use by another sluice") != std::string::npos);
  CHECK_FALSE(Inspection::open(scratch.path()).has_value());
}

TEST_CASE("a damaged commit is found, before the checkpoint and after it, and what it held") {
  const ScratchDirectory scratch;
  make_journal(scratch.path());
  SUBCASE("before") {
    tamper(scratch.path() / "log", [](leveldb::DB& log) { flip(log, storage::log_key(4)); });
    const CheckReport report = report_of(scratch.path());
    CHECK(report.problems == 2);
    CHECK(has_finding(report, "commit 4 is damaged: wrong checksum"));
    CHECK(has_finding(report, "queue 1 (images): offset 3 is kept and not there"));
    CHECK(report.messages == 4);
  }
  SUBCASE("after") {
    tamper(scratch.path() / "log", [](leveldb::DB& log) { flip(log, storage::log_key(8)); });
    const CheckReport report = report_of(scratch.path());
    CHECK(report.problems == 1);  // nobody can know what it held
    CHECK(has_finding(report, "commit 8 is damaged: wrong checksum"));
  }
}

TEST_CASE("commits that are missing are found, and the messages that went with them") {
  const ScratchDirectory scratch;
  make_journal(scratch.path());
  tamper(scratch.path() / "log", [](leveldb::DB& log) {
    REQUIRE(log.Delete({}, storage::log_key(4)).ok());
    REQUIRE(log.Delete({}, storage::log_key(5)).ok());
  });
  const CheckReport report = report_of(scratch.path());
  CHECK(report.problems == 2);
  CHECK(has_finding(report, "commit 4 to 5 is missing"));
  CHECK(has_finding(report, "offset 3 to 4 is kept and not there"));
}

TEST_CASE("damage of the state is found, and the log is read all the same") {
  const ScratchDirectory scratch;
  make_journal(scratch.path());
  SUBCASE("a queue's record") {
    tamper(scratch.path() / "state",
           [](leveldb::DB& state) { flip(state, storage::queue_key(QueueId{1})); });
    const CheckReport report = report_of(scratch.path());
    CHECK(has_finding(report, "the checkpoint of queue 1 is damaged: wrong checksum"));
    CHECK(report.commits == 8);
  }
  SUBCASE("a session") {
    tamper(scratch.path() / "state",
           [](leveldb::DB& state) { flip(state, storage::session_key("client")); });
    const CheckReport report = report_of(scratch.path());
    CHECK(report.problems == 1);
    CHECK(has_finding(report, "the session of client 'client': wrong checksum"));
    CHECK(report.messages == 5);
  }
  SUBCASE("something that is none of ours") {
    tamper(scratch.path() / "state",
           [](leveldb::DB& state) { REQUIRE(state.Put({}, "z", "?").ok()); });
    CHECK(has_finding(report_of(scratch.path()), "unknown kind"));
  }
}

TEST_CASE("a bit that flipped in any file of LevelDB's is found") {
  const ScratchDirectory scratch;
  make_journal(scratch.path());
  open_or_fail({scratch.path()}).reset();  // what is in write-ahead logs becomes tables
  for (const char* database : {"log", "state"}) {
    const std::string name = database;
    CAPTURE(name);
    int tables = 0;
    for (const auto& entry : fs::directory_iterator(scratch.path() / database)) {
      if (entry.path().extension() != ".ldb") continue;
      ++tables;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(20);
      const int byte = file.get();
      file.seekp(20);
      file.put(static_cast<char>(byte ^ 4));
      file.close();
      CHECK_FALSE(report_of(scratch.path()).ok());
      file.open(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(20);
      file.put(static_cast<char>(byte));
    }
    CHECK(tables > 0);
  }
  CHECK(report_of(scratch.path()).ok());
}

TEST_CASE("an inspection gives queues, figures, sessions and commits") {
  const ScratchDirectory scratch;
  make_journal(scratch.path());
  auto opened = Inspection::open(scratch.path());
  if (!opened) FAIL(opened.error().text);
  const Inspection& journal = **opened;
  CHECK(journal.states().queues.at(QueueId{1}).options().name == "images");
  const auto figures = journal.figures();
  CHECK(figures.queues == 1);
  CHECK(figures.sessions == 1);
  CHECK(figures.kept == 5);
  CHECK(figures.last_commit == 8);
  CHECK(figures.checkpoint_commit == 7);
  CHECK(figures.log_disk_bytes > 0);
  std::vector<storage::CommitNumber> seen;
  std::vector<Write> all;
  must(journal.each_commit(3, 7, [&](const storage::CommitView& commit) {
    seen.push_back(commit.commit);
    all.insert(all.end(), commit.writes.begin(), commit.writes.end());
    CHECK(commit.bytes > 0);
    CHECK(commit.damage.empty());
    return seen.size() < 4;
  }));
  CHECK(seen == std::vector<storage::CommitNumber>{3, 4, 5, 6});
  REQUIRE(all.size() == 4);
  CHECK(*std::get<Append>(all[1]).message == *rich_message(3));
}
