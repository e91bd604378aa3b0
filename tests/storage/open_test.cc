#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "doctest/doctest.h"
#include "leveldb/db.h"
#include "storage/checkpoint.h"
#include "storage/coding.h"
#include "storage/envelope.h"
#include "storage/journal.h"
#include "storage/key.h"
#include "tests/support/storage_samples.h"

// What open() makes of directories that are not as they should be.

using namespace dispatch;
using namespace storage_samples;
using storage::Journal;

namespace {

std::string refusal(const std::filesystem::path& directory) {
  const auto opened = Journal::open({directory});
  if (opened) FAIL("opened");
  return opened.error().text;
}

bool names(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Commits 1 to 6; with a checkpoint, the last is not covered by it.
void make_journal(const std::filesystem::path& directory, bool with_checkpoint) {
  auto journal = open_or_fail({directory});
  must(journal->commit(writes(define(1, "q", "q"), define_default_group(1))));
  for (std::uint64_t offset = 1; offset <= 4; ++offset)
    must(journal->commit(writes(append(1, offset, message("q", std::string(100'000, 'x'))))));
  if (with_checkpoint) must(journal->checkpoint());
  must(journal->commit(writes(append(1, 5, message("q", "5")))));
}

void damage(leveldb::DB& log, storage::CommitNumber commit) {
  std::string block;
  REQUIRE(log.Get({}, storage::log_key(commit), &block).ok());
  block[block.size() / 2] ^= 1;
  REQUIRE(log.Put({}, storage::log_key(commit), block).ok());
}

// Of queue 1, as one read gives them.
std::vector<std::uint64_t> offsets_of(Journal& journal) {
  std::vector<std::uint64_t> all;
  const auto found = journal.read(QueueId{1}, Offset{1}, Offset{9}, 9, ~0ull);
  if (!found) FAIL(found.error().text);
  for (const auto& each : *found) all.push_back(each.offset.value);
  return all;
}

mode_t mode_of(const std::filesystem::path& path) {
  struct ::stat about {};
  REQUIRE(::stat(path.c_str(), &about) == 0);
  return about.st_mode & 07777;
}

}  // namespace

TEST_CASE("the directory is made, for the owner only, and so are all files in it") {
  const ScratchDirectory scratch;
  const auto directory = scratch.path() / "deep" / "data";
  make_journal(directory, true);
  const auto journal = open_or_fail({directory});  // again, so that there are tables too
  CHECK(mode_of(directory) == 0700);
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    INFO(entry.path().string());
    CHECK(mode_of(entry.path()) == 0600);
    ++files;
  }
  CHECK(files > 8);
}

TEST_CASE("a directory that another journal has open is refused, and named") {
  const ScratchDirectory scratch;
  auto journal = open_or_fail({scratch.path()});
  const auto text = refusal(scratch.path());
  CHECK(names(text, scratch.path().string()));
  CHECK(names(text, "in use by another sluice"));
  must(journal->commit(writes(define(1, "q", "q"))));
  journal.reset();
  open_or_fail({scratch.path()});
}

TEST_CASE("a file in the place of the directory is refused") {
  const ScratchDirectory scratch;
  std::ofstream(scratch.path() / "file") << "x";
  CHECK(names(refusal(scratch.path() / "file"), "is not a directory"));
  CHECK(names(refusal(scratch.path() / "file" / "below"), "file/below"));
}

TEST_CASE("a directory that can't be written is refused") {
  if (::geteuid() == 0) return;  // nothing is forbidden to root
  const ScratchDirectory scratch;
  REQUIRE(::chmod(scratch.path().c_str(), 0500) == 0);
  CHECK(names(refusal(scratch.path()), "can't be read and written"));
  REQUIRE(::chmod(scratch.path().c_str(), 0700) == 0);
}

TEST_CASE("a state without its log is refused, also if nothing was covered by a checkpoint") {
  const ScratchDirectory scratch;
  make_journal(scratch.path(), false);
  std::filesystem::remove_all(scratch.path() / "log");
  CHECK(names(refusal(scratch.path()), "log/ is missing: restore a backup"));
  CHECK(names(refusal(scratch.path()), "log/ is missing: restore a backup"));  // not made up for
}

TEST_CASE("a journal of a newer schema is refused and not touched") {
  const ScratchDirectory scratch;
  make_journal(scratch.path(), true);
  std::string newer;
  storage::begin_envelope(newer);
  storage::put_varint(newer, storage::kSchemaVersion + 1);
  newer += "whatever comes then";
  storage::seal_envelope(newer, storage::kHeadKey);
  tamper(scratch.path() / "state",
         [&](leveldb::DB& state) { REQUIRE(state.Put({}, "m", newer).ok()); });
  CHECK(names(refusal(scratch.path()), "schema version 4"));
  tamper(scratch.path() / "state", [&](leveldb::DB& state) {
    std::string kept;
    REQUIRE(state.Get({}, "m", &kept).ok());
    CHECK(kept == newer);
  });
}

TEST_CASE("a journal of an older schema is opened, and is one of the newest from then on") {
  const ScratchDirectory scratch;
  make_journal(scratch.path(), true);
  const auto change_schema = [&](char from, char to) {
    tamper(scratch.path() / "state", [&](leveldb::DB& state) {
      std::string head;
      REQUIRE(state.Get({}, "m", &head).ok());
      REQUIRE(head[storage::kEnvelopeBytes] == from);
      head[storage::kEnvelopeBytes] = to;  // all else is the same in both
      storage::seal_envelope(head, storage::kHeadKey);
      REQUIRE(state.Put({}, "m", head).ok());
    });
  };
  change_schema(3, 1);
  {
    auto journal = open_or_fail({scratch.path()});
    CHECK(offsets_of(*journal) == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
    CHECK(journal->stats().checkpoint_commit == 5);
  }
  change_schema(3, 3);
}

// As journals of schema 2 have.
TEST_CASE("a write-ahead log as LevelDB writes it itself is read") {
  const ScratchDirectory scratch;
  make_journal(scratch.path(), true);
  std::string block;
  tamper(scratch.path() / "log", [&](leveldb::DB& log) {
    REQUIRE(log.Get({}, storage::log_key(6), &block).ok());
    REQUIRE(log.Delete({}, storage::log_key(6)).ok());
  });
  tamper(scratch.path() / "log", [](leveldb::DB&) {});  // nothing is left in the one before
  leveldb::DB* opened = nullptr;
  REQUIRE(leveldb::DB::Open({}, (scratch.path() / "log").string(), &opened).ok());
  REQUIRE(opened->Put({}, storage::log_key(6), block).ok());
  delete opened;
  auto journal = open_or_fail({scratch.path()});
  CHECK(journal->take_damage().empty());
  CHECK(offsets_of(*journal) == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
}

TEST_CASE("a damaged commit is left out of the replay and named, and only its messages are lost") {
  const ScratchDirectory scratch;
  make_journal(scratch.path(), false);
  tamper(scratch.path() / "log", [](leveldb::DB& log) { damage(log, 3); });
  for (int times = 0; times < 2; ++times) {  // the second time from the checkpoint
    auto journal = open_or_fail({scratch.path()});
    const auto damage = journal->take_damage();
    CHECK(damage.size() == (times == 0 ? 1 : 0));
    if (times == 0) CHECK(names(damage.at(0), "commit 3 is damaged"));
    CHECK(offsets_of(*journal) == std::vector<std::uint64_t>{1, 3, 4, 5});
    CHECK(journal->states().queues.at(QueueId{1}).next == Offset{6});
    must(journal->checkpoint());
  }
  auto journal = open_or_fail({scratch.path()});
  must(journal->commit(writes(settle(1, 1, 5), append(1, 6, message("q", "6")))));
}

TEST_CASE("settlements and attempts of lost messages do no harm") {
  const ScratchDirectory scratch;
  {
    auto journal = open_or_fail({scratch.path()});
    must(journal->commit(writes(define(1, "q", "q"), define_default_group(1))));
    must(journal->commit(writes(append(1, 1, message("q", std::string(1000, 'x'))))));
    must(journal->commit(writes(append(1, 2, message("q", "2")), settle(1, 1, 1))));
    must(journal->commit(writes(attempt(1, 2, 1))));
    must(journal->commit(writes(append(1, 3, message("q", std::string(1000, 'x'))))));
    must(journal->commit(writes(settle(1, 3, 3))));
  }
  tamper(scratch.path() / "log", [](leveldb::DB& log) {
    damage(log, 3);
    damage(log, 5);
  });
  auto journal = open_or_fail({scratch.path()});
  CHECK(journal->take_damage().size() == 2);
  const auto queue = journal->states().queues.at(QueueId{1});
  CHECK(queue.next == Offset{4});
  CHECK(queue.groups.at(dispatch::GroupId{1}).settled.contains(Offset{3}));
  CHECK(offsets_of(*journal) == std::vector<std::uint64_t>{1});  // its settlement is lost too
}

TEST_CASE("what can't be understood without a damaged commit is refused, and both are named") {
  const ScratchDirectory scratch;
  make_journal(scratch.path(), false);
  tamper(scratch.path() / "log", [](leveldb::DB& log) { damage(log, 1); });
  const auto text = refusal(scratch.path());
  CHECK(names(text, "commit 2 does not fit the ones before"));
  CHECK(names(text, "commit 1 is damaged; restore a backup"));
}

TEST_CASE("a damaged commit before the checkpoint is named by the first read that meets it") {
  const ScratchDirectory scratch;
  make_journal(scratch.path(), true);
  tamper(scratch.path() / "log", [](leveldb::DB& log) { damage(log, 3); });
  auto journal = open_or_fail({scratch.path()});
  CHECK(journal->read(QueueId{1}, Offset{1}, Offset{2}, 9, 9).has_value());
  CHECK(journal->take_damage().empty());
  CHECK(offsets_of(*journal) == std::vector<std::uint64_t>{1, 3, 4, 5});
  const auto damage = journal->take_damage();
  REQUIRE(damage.size() == 1);
  CHECK(names(damage[0], "commit 3 is damaged"));
  CHECK(journal->read(QueueId{1}, Offset{2}, Offset{3}, 9, 9)->empty());
  CHECK(journal->take_damage().empty());
  CHECK_FALSE(journal->poisoned());
}

TEST_CASE("a commit missing in the middle is named, and only its messages are lost") {
  const ScratchDirectory scratch;
  make_journal(scratch.path(), false);
  tamper(scratch.path() / "log",
         [](leveldb::DB& log) { REQUIRE(log.Delete({}, storage::log_key(4)).ok()); });
  auto journal = open_or_fail({scratch.path()});
  CHECK(journal->take_damage() == std::vector<std::string>{"commit 4 is missing"});
  CHECK(offsets_of(*journal) == std::vector<std::uint64_t>{1, 2, 4, 5});
}

TEST_CASE("a log that is gone or older than the checkpoint is noticed") {
  const ScratchDirectory scratch;
  make_journal(scratch.path(), true);
  SUBCASE("gone") {
    std::filesystem::remove_all(scratch.path() / "log");
    CHECK(names(refusal(scratch.path()), "log/ is missing"));
  }
  SUBCASE("older") {
    tamper(scratch.path() / "log",
           [](leveldb::DB& log) { REQUIRE(log.Delete({}, storage::log_key(5)).ok()); });
    CHECK(names(refusal(scratch.path()), "log/ lost commit 5"));
  }
}

TEST_CASE("a state database without its head is noticed, one that is gone is rebuilt") {
  const ScratchDirectory scratch;
  make_journal(scratch.path(), true);
  tamper(scratch.path() / "state", [](leveldb::DB& state) { REQUIRE(state.Delete({}, "m").ok()); });
  CHECK(names(refusal(scratch.path()), "state/ has no head"));
  std::filesystem::remove_all(scratch.path() / "state");
  CHECK(read_all(*open_or_fail({scratch.path()}), 1).size() == 5);
}

TEST_CASE("a damaged LevelDB file is named") {
  const ScratchDirectory scratch;
  make_journal(scratch.path(), true);
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path() / "log"))
    if (names(entry.path().filename().string(), "MANIFEST"))
      std::filesystem::resize_file(entry.path(), 3);
  const auto text = refusal(scratch.path());
  CHECK(names(text, "log/ can't be opened"));
}

TEST_CASE("a queue's damaged checkpoint is named") {
  const ScratchDirectory scratch;
  make_journal(scratch.path(), true);
  tamper(scratch.path() / "state", [](leveldb::DB& state) {
    REQUIRE(state.Put({}, storage::queue_key(QueueId{1}), "what is this").ok());
  });
  CHECK(names(refusal(scratch.path()), "checkpoint of queue 1"));
}

namespace {

// Commits 1 to 3: a template and its mailbox 2, which come before the checkpoint, or after it.
void make_mailbox(const std::filesystem::path& directory, bool covered) {
  auto journal = open_or_fail({directory});
  must(journal->commit(writes(define_template(1, "boxes", "boxes/+"))));
  if (!covered) must(journal->checkpoint());
  must(journal->commit(writes(define_mailbox(2, 1, "boxes/a"), define_default_group(2))));
  must(journal->commit(writes(append(2, 1, message("boxes/a", "1")))));
  if (covered) must(journal->checkpoint());
}

// As a checkpoint that was under way leaves it: the record of queue 1 says deleted, in commit 4.
void bury_template(leveldb::DB& state) {
  std::string grave;
  storage::encode_queue(grave, QueueId{1}, 4, nullptr, {});
  REQUIRE(state.Put({}, storage::queue_key(QueueId{1}), grave).ok());
}

}  // namespace

TEST_CASE("a mailbox has the options of its template again") {
  for (const bool covered : {false, true}) {
    CAPTURE(covered);
    const ScratchDirectory scratch;
    make_mailbox(scratch.path(), covered);
    auto journal = open_or_fail({scratch.path()});
    CHECK(journal->states().queues.at(QueueId{2}).name() == "boxes/boxes/a");
    Write other = define_template(1, "boxes", "boxes/+");
    std::get<DefineQueue>(other).options.max_inflight = 5;
    must(journal->commit(writes(other)));
    CHECK(journal->states().queues.at(QueueId{2}).options().max_inflight == 5);
    journal.reset();
    const auto again = open_or_fail({scratch.path()});
    const auto states = again->states();
    CHECK(states.queues.at(QueueId{2}).options().max_inflight == 5);
    CHECK(states.queues.at(QueueId{2}).kept() == 1);
    CHECK(states.next_id == QueueId{3});
  }
}

TEST_CASE("a mailbox that is deleted with its template, which state/ knows already, is left out") {
  for (const bool covered : {false, true}) {
    CAPTURE(covered);
    const ScratchDirectory scratch;
    make_mailbox(scratch.path(), covered);
    must(open_or_fail({scratch.path()})->commit(writes(drop(2), drop(1))));
    tamper(scratch.path() / "state", bury_template);
    const auto journal = open_or_fail({scratch.path()});
    CHECK(journal->states().queues.empty());
    CHECK(journal->states().next_id == QueueId{3});
  }
}

TEST_CASE("a mailbox without its template is refused") {
  const ScratchDirectory scratch;
  make_mailbox(scratch.path(), true);
  tamper(scratch.path() / "state", bury_template);
  CHECK(names(refusal(scratch.path()), "the mailbox of topic 'boxes/a' has no template, queue 1"));
}
