#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "doctest/doctest.h"
#include "leveldb/db.h"
#include "storage/journal.h"
#include "storage/log_env.h"
#include "tests/support/power_loss_env.h"
#include "tests/support/storage_samples.h"

// The disk fails, or the power goes, at every point of a workload in turn; what was acknowledged
// must be there afterwards, whole, and nothing that was not.

using namespace dispatch;
using namespace power_loss;
using namespace storage_samples;
using storage::Journal;

namespace {

using Commit = std::vector<Write>;
using Script = std::vector<Commit>;

// Small limits, so that checkpoints, removals and compactions happen all the time, and a checkpoint
// takes several slices with commits between them.
storage::JournalOptions options_on(PowerLossEnv& env) {
  return {.directory = "/journal",
          .env = &env,
          .checkpoint_bytes = 6000,
          .reclaim_bytes = 12000,
          .slice_bytes = 300,
          .window_bytes = 4000,
          .log_buffer_bytes = 1};  // LevelDB makes 64 KiB of it: two or three in the script
}

// Settled for the group "audit" of queue 1.
Write audited(std::uint64_t first, std::uint64_t last) {
  return Settle{QueueId{1}, GroupId{2}, Offset{first}, Offset{last}};
}
// Done for all groups.
Write ended(std::uint32_t queue, std::uint64_t first, std::uint64_t last, End end) {
  return Settle{QueueId{queue}, GroupId{}, Offset{first}, Offset{last}, end};
}

// Four messages to queue 1 and one to the last-value queue 2, a round. The second of each four
// stays a while, so that there are intervals and not only a watermark; a second group lags behind,
// and skips some that are too old in the end.
void add_rounds(Script& script) {
  for (std::uint64_t round = 0; round < 23; ++round) {
    const std::uint64_t first = round * 4 + 1, light = round + 1;
    Commit commit =
        writes(append(2, light, rich_message(light), "key" + std::to_string(round % 3)));
    for (std::uint64_t i = 0; i < 4; ++i)
      commit.push_back(append(1, first + i, rich_message(1000 + first + i)));
    script.push_back(std::move(commit));
    if (round == 3) script.push_back(writes(attempt(1, 2, 1), attempt(1, 2, 2), attempt(2, 4, 7)));
    if (round > 2)
      script.push_back(writes(settle(1, first - 8, first - 8), settle(1, first - 6, first - 5)));
    if (round > 5)
      script.push_back(writes(settle(1, first - 19, first - 19), settle(2, light - 1, light - 1),
                              audited(first - 23, first - 21)));
    if (round > 8 && round % 4 == 0)
      script.push_back(writes(ended(1, first - 32, first - 28, End::retired)));
  }
}

bool defines_something(const Commit& commit) {
  return std::ranges::any_of(commit, [](const Write& write) {
    return std::holds_alternative<DefineQueue>(write) ||
           std::holds_alternative<DeleteQueue>(write) ||
           std::holds_alternative<DefineGroup>(write) || std::holds_alternative<DeleteGroup>(write);
  });
}

// A template with a mailbox a commit; each goes two commits later, the template with the last ones.
// Another template stays.
void add_mailboxes(Script& script) {
  script.push_back(writes(define_template(15, "boxes", "boxes/+")));
  for (std::uint32_t box = 16; box < 26; ++box) {
    const auto topic = "boxes/" + std::to_string(box);
    Commit commit = writes(define_mailbox(box, 15, topic), define_default_group(box),
                           append(box, 1, message(topic, std::string(1500, 'b'))));
    if (box > 16) commit.push_back(settle(box - 1, 1, 1));
    if (box > 17) {
      commit.push_back(drop(box - 2));
      commit.push_back(dispatch::AddTotals{QueueId{15}, 1, {1}});
    }
    script.push_back(std::move(commit));
    if (box == 20) script.push_back(writes(define_template(15, "boxes", "boxes/+")));
  }
  script.push_back(writes(drop(24), drop(25), drop(15)));
  script.push_back(writes(define_template(26, "lights", "lights/+"),
                          define_mailbox(27, 26, "lights/a"), define_default_group(27),
                          append(27, 1, rich_message(27))));
}

// Queues come and go while others work; in the end each message is settled by the commit after it.
Script make_script(Durability durability) {
  Script script;
  script.push_back(writes(define(1, "images", "images/+"), define_default_group(1)));
  script.push_back(writes(define(2, "lights", "lights/#"), define_default_group(2)));
  std::get<DefineQueue>(script.back()[0]).options.last_value = true;
  script.push_back(writes(DefineGroup{QueueId{1}, GroupId{2}, "audit", Offset{1}}));
  add_rounds(script);
  script.push_back(writes(settle(1, 1, 92), DeleteGroup{QueueId{1}, GroupId{2}}));
  script.push_back(writes(ended(1, 1, 92, End::unneeded)));
  script.push_back(writes(drop(2)));
  for (std::uint32_t queue = 3; queue < 15; ++queue) {
    script.push_back(writes(define(queue, "q" + std::to_string(queue), std::to_string(queue)),
                            define_default_group(queue), append(queue, 1, rich_message(queue)),
                            append(1, 90u + queue, message("images/a", std::string(1500, 'i')))));
    if (queue > 4) script.push_back(writes(drop(queue - 2), append(queue, 2, rich_message(7))));
  }
  add_mailboxes(script);
  script.push_back(writes(settle(1, 93, 104), settle(13, 1, 2), settle(14, 1, 2)));
  for (std::uint64_t offset = 105; offset < 130; ++offset)
    script.push_back(writes(append(1, offset, message("images/a", std::string(2500, 'i'))),
                            settle(1, offset - 1, offset - 1)));
  for (Commit& commit : script)
    for (Write& write : commit)
      if (auto* define = std::get_if<DefineQueue>(&write)) define->options.durability = durability;
  return script;
}

// What the acknowledged commits add up to.
struct Expected {
  QueueStates states;
  std::map<QueueId, std::map<Offset, dispatch::MessageRef>> messages;

  void apply(const Commit& commit) {
    for (const Write& write : commit) {
      must(dispatch::apply(states, write));
      if (const auto* append = std::get_if<Append>(&write))
        messages[append->queue][append->offset] = append->message;
    }
  }
};

void check_messages(Journal& journal, const Expected& expected) {
  for (const auto& [id, queue] : expected.states.queues) {
    auto found = journal.read(id, queue.first_kept(), queue.next, ~0u, ~0ull);
    if (!found) FAIL(found.error().text);
    std::map<Offset, dispatch::MessageRef> by_offset;
    for (const StoredMessage& each : *found) by_offset[each.offset] = each.message;
    const auto sent = expected.messages.find(id);
    if (sent == expected.messages.end()) continue;
    for (const auto& [offset, message] : sent->second) {
      if (!queue.keeps(offset)) continue;
      REQUIRE(by_offset.contains(offset));
      REQUIRE(*by_offset.at(offset) == *message);
    }
  }
}

// How it comes back after the fault.
enum class Way { drop, keep, tear, in_place };  // in place: no power cut, just opened again

class Run {
 public:
  Run(std::uint64_t seed, Durability durability)
      : env(seed), durability_(durability), script_(script_of(durability)) {}

  PowerLossEnv env;

  storage::JournalStats stats() const { return journal_->stats(); }
  // Over all that was opened.
  std::uint64_t moved_messages() const { return moved_ + stats().moved_messages; }
  bool finished() const { return at_ == script_.size(); }

  // On to the end of the script, or the first failure.
  void work() {
    while (!finished()) {
      if (!journal_ && !open()) return;
      if (!step()) return;
      if (at_ != script_.size() / 2) continue;
      moved_ += stats().moved_messages;
      journal_.reset();  // an end and a new start
    }
  }

  bool open() {
    auto opened = Journal::open(options_on(env));
    if (!opened) return false;
    journal_ = std::move(*opened);
    return true;
  }

  void end(Way way) {
    journal_.reset();
    if (way == Way::in_place) env.mend();
    if (way == Way::drop) env.cut_power(Loss::drop);
    if (way == Way::keep) env.cut_power(Loss::keep);
    if (way == Way::tear) env.cut_power(Loss::tear);
  }

  // Opens on a whole disk and compares: what is there is a beginning of the script that has all
  // that was promised. A commit in doubt may be there.
  void recover() {
    journal_ = open_or_fail(options_on(env));
    const auto last = journal_->stats().last_commit;
    REQUIRE(last >= safe_);
    REQUIRE(last <= at_ + (in_doubt_ ? 1 : 0));
    in_doubt_ = false;
    at_ = safe_ = last;
    Expected expected;
    for (std::size_t i = 0; i < at_; ++i) expected.apply(script_[i]);
    REQUIRE(journal_->states() == expected.states);
    recover_sessions();
    check_messages(*journal_, expected);
  }

 private:
  // Now and then, a record of a session; each third is an end. Durable when it returns.
  bool put_session() {
    if (at_ % 4 != 0) return true;
    const std::string client = "client" + std::to_string(at_ % 5);
    session_in_doubt_ = {client, at_ % 12 == 0 ? "" : "record " + std::to_string(at_)};
    if (!journal_->put_session(client, session_in_doubt_->second)) {
      REQUIRE(journal_->poisoned());
      return false;
    }
    take_session();
    return true;
  }

  void take_session() {
    const auto& [client, record] = *session_in_doubt_;
    if (record.empty())
      sessions_.erase(client);
    else
      sessions_[client] = record;
    session_in_doubt_.reset();
  }

  void recover_sessions() {
    const auto found = journal_->sessions();
    REQUIRE(found.has_value());
    if (session_in_doubt_ && *found != sessions_) take_session();
    session_in_doubt_.reset();
    REQUIRE(*found == sessions_);
  }

  static const Script& script_of(Durability durability) {
    static const Script synced = make_script(Durability::fsync);
    static const Script at_intervals = make_script(Durability::interval);
    static const Script unsynced = make_script(Durability::none);
    if (durability == Durability::none) return unsynced;
    return durability == Durability::interval ? at_intervals : synced;
  }

  bool step() {
    in_doubt_ = true;
    const Commit& commit = script_[at_];
    if (!journal_->commit(commit)) {
      // Poisoned for good: the next one is refused too, although the disk may be well again.
      REQUIRE(journal_->poisoned());
      REQUIRE_FALSE(journal_->commit(commit).has_value());
      return false;
    }
    in_doubt_ = false;
    ++at_;
    if (!put_session()) return false;
    if (durability_ == Durability::fsync || defines_something(commit)) safe_ = at_;
    if (durability_ == Durability::interval && at_ % 7 == 0) {
      REQUIRE((safe_ == at_ || journal_->sync_within()));
      if (!journal_->sync()) return false;
      safe_ = at_;
    }
    // None to three slices of work between commits.
    for (std::size_t slices = at_ % 4; slices > 0; --slices)
      if (!journal_->work()) return false;
    return true;
  }

  const Durability durability_;
  const Script& script_;
  std::unique_ptr<Journal> journal_;
  std::size_t at_ = 0;                           // commits of the script that were acknowledged
  std::map<std::string, std::string> sessions_;  // that were acknowledged
  std::optional<std::pair<std::string, std::string>> session_in_doubt_;
  std::uint64_t moved_ = 0;
  std::size_t safe_ = 0;  // of them, those that must survive a power cut
  bool in_doubt_ = false;
};

// A fault at this operation, and another while recovering from it. False if the workload ended
// before it came to the fault.
bool survives_fault_at(std::uint64_t operation, Durability durability, Fault fault, Way way) {
  Run run(operation, durability);
  run.env.fail_at(operation, fault);
  run.work();
  if (!run.env.has_failed()) return false;
  run.end(way);
  run.env.fail_at(operation % 23 + 1, Fault::for_ever);
  run.open();
  run.end(way);
  run.recover();
  run.end(Way::drop);  // what a recovery has shown must stay
  run.recover();
  run.work();
  REQUIRE(run.finished());
  run.end(Way::drop);
  run.recover();
  return true;
}

constexpr Fault kFaults[] = {Fault::once, Fault::for_ever};
constexpr std::uint64_t kSample = 193;
constexpr Way kWays[] = {Way::drop, Way::keep, Way::tear, Way::in_place};

// Every `stride`-th operation, until the workload ends before the fault.
void survives_faults(Durability durability, std::uint64_t stride) {
  for (const Fault fault : kFaults) {
    for (const Way way : kWays) {
      std::uint64_t operation = 1;
      while (survives_fault_at(operation, durability, fault, way)) operation += stride;
      CHECK(operation > 200);
    }
  }
}

}  // namespace

TEST_CASE("the workload checkpoints, removes old commits and ends as expected without a fault") {
  Run run(1, Durability::fsync);
  run.work();
  REQUIRE(run.finished());
  CHECK(run.stats().checkpoint_commit > 20);
  CHECK(run.stats().first_commit > 20);
  CHECK(run.moved_messages() > 20);
  run.end(Way::drop);
  run.recover();
}

TEST_CASE("a disk that fails at any operation loses nothing acknowledged (a sample)") {
  survives_faults(Durability::fsync, kSample);
}

TEST_CASE("without a sync for each commit, only the end is lost (a sample)") {
  survives_faults(Durability::interval, kSample);
  survives_faults(Durability::none, kSample);
}

// Some minutes in a debug build: ctest runs each as crash_everywhere_<durability>, side by side.
TEST_CASE("every operation that can fail, in turn: fsync" * doctest::skip()) {
  survives_faults(Durability::fsync, 1);
}

TEST_CASE("every operation that can fail, in turn: interval" * doctest::skip()) {
  survives_faults(Durability::interval, 1);
}

TEST_CASE("every operation that can fail, in turn: none" * doctest::skip()) {
  survives_faults(Durability::none, 1);
}

// LevelDB changes to a new write-ahead log, which is synced, and drops the old one, which is not.
// It would be a hole until its background thread has written a table of it.
TEST_CASE("a write-ahead log is synced before the next one is begun") {
  PowerLossEnv disk(1);
  storage::LogEnv env(disk);
  const auto begin = [&](const char* name) {
    leveldb::WritableFile* file = nullptr;
    REQUIRE(env.NewWritableFile(name, &file).ok());
    return std::unique_ptr<leveldb::WritableFile>(file);
  };
  const auto content = [&](const char* name) {
    leveldb::SequentialFile* file = nullptr;
    REQUIRE(env.NewSequentialFile(name, &file).ok());
    const std::unique_ptr<leveldb::SequentialFile> owner(file);
    char bytes[99];
    leveldb::Slice found;
    REQUIRE(file->Read(sizeof(bytes), &found, bytes).ok());
    return found.ToString();
  };
  auto first = begin("/1.log");
  REQUIRE(first->Append("first").ok());
  REQUIRE(first->Flush().ok());
  const auto table = begin("/2.ldb");
  auto second = begin("/3.log");
  first.reset();
  REQUIRE(second->Append("second").ok());
  REQUIRE(second->Flush().ok());
  SUBCASE("what was written is there after a power cut, of the newer one nothing") {
    second.reset();
    disk.cut_power(Loss::drop);
    CHECK(content("/1.log") == "first");
    CHECK(content("/3.log").empty());
  }
  SUBCASE("the next one is not begun if it can't be synced") {
    disk.fail_at(1, Fault::once);
    leveldb::WritableFile* third = nullptr;
    CHECK_FALSE(env.NewWritableFile("/4.log", &third).ok());
    CHECK_FALSE(env.FileExists("/4.log"));
  }
}

TEST_CASE("commits that were not synced leave no hole before one that was") {
  PowerLossEnv env(1);
  auto journal = open_or_fail(options_on(env));
  auto lazy = define(1, "lazy", "lazy");
  std::get<DefineQueue>(lazy).options.durability = Durability::none;
  must(journal->commit(writes(lazy, define(2, "safe", "safe"))));
  for (std::uint64_t offset = 1; offset <= 30; ++offset) {  // 180 kB: three write-ahead logs
    must(journal->commit(writes(append(1, offset, message("lazy", std::string(6000, 'l'))))));
    CHECK(journal->stats().synced_commit == 1);
  }
  must(journal->commit(writes(append(2, 1, message("safe", "s")))));
  CHECK(journal->stats().synced_commit == 32);
  journal.reset();
  env.cut_power(Loss::drop);
  journal = open_or_fail(options_on(env));
  CHECK(journal->stats().last_commit == 32);
  CHECK(read_all(*journal, 1).size() == 30);
  CHECK(read_all(*journal, 2).size() == 1);
}

// The reason for poisoning: LevelDB itself goes on after a short write and loses what follows. The
// reader of its write-ahead log takes a record that is longer than the rest of the file for the one
// that was being written when the power went, and stops there without a word.
TEST_CASE("LevelDB acknowledges synced writes after a short one, and loses them") {
  PowerLossEnv env(1);
  leveldb::Options options;
  options.env = &env;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  leveldb::WriteOptions sync;
  sync.sync = true;
  const std::string large(20'000, 'v');
  leveldb::DB* opened = nullptr;
  REQUIRE(leveldb::DB::Open(options, "/trap", &opened).ok());
  {
    const std::unique_ptr<leveldb::DB> db(opened);
    REQUIRE(db->Put(sync, "before", "1").ok());
    env.fail_at(2, Fault::once);  // 1 writes the record's head, 2 its body
    REQUIRE_FALSE(db->Put(sync, "short", large).ok());
    REQUIRE(db->Put(sync, "after", "1").ok());
  }
  REQUIRE(leveldb::DB::Open(options, "/trap", &opened).ok());
  const std::unique_ptr<leveldb::DB> db(opened);
  std::string found;
  CHECK(db->Get({}, "before", &found).ok());
  CHECK(db->Get({}, "after", &found).IsNotFound());
}

TEST_CASE("the journal acknowledges nothing after a short write, until it is opened again") {
  PowerLossEnv env(1);
  auto journal = open_or_fail(options_on(env));
  must(journal->commit(writes(define(1, "q", "q"), append(1, 1, message("q", "before")))));
  env.fail_at(1, Fault::once);
  REQUIRE_FALSE(
      journal->commit(writes(append(1, 2, message("q", std::string(20'000, 's'))))).has_value());
  CHECK_FALSE(journal->commit(writes(append(1, 2, message("q", "after")))).has_value());
  CHECK_FALSE(journal->commit(writes(append(1, 3, message("q", "after")))).has_value());
  CHECK_FALSE(journal->work().has_value());
  CHECK_FALSE(journal->checkpoint().has_value());
  CHECK_FALSE(journal->read(QueueId{1}, Offset{1}, Offset{9}, 9, 9).has_value());
  journal.reset();
  journal = open_or_fail(options_on(env));
  must(journal->commit(writes(append(1, 2, message("q", "again")))));
  journal.reset();
  env.cut_power(Loss::drop);
  journal = open_or_fail(options_on(env));
  const auto kept = read_all(*journal, 1);
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].payload == "before");
  CHECK(kept[1].payload == "again");
}
