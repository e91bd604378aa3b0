#include "storage/journal.h"

#include "doctest/doctest.h"
#include "leveldb/db.h"
#include "storage/key.h"
#include "tests/support/storage_samples.h"

using namespace dispatch;
using namespace storage_samples;
using storage::Journal;

namespace {

// Queue 1 with `commits` commits of `per_commit` messages each; payloads are the offsets.
void fill(Journal& journal, std::uint64_t commits, std::uint64_t per_commit,
          std::size_t padding = 0) {
  must(journal.commit(writes(define(1, "q", "q/#"), define_default_group(1))));
  std::uint64_t offset = 1;
  for (std::uint64_t commit = 0; commit < commits; ++commit) {
    std::vector<Write> all;
    for (std::uint64_t i = 0; i < per_commit; ++i, ++offset) {
      auto payload = std::to_string(offset);
      payload.resize(payload.size() + padding, '.');
      all.push_back(append(1, offset, message("q/a", payload)));
    }
    must(journal.commit(all));
  }
}

// The offsets that a read finds; every message must be the one that fill() put there.
std::vector<std::uint64_t> offsets(Journal& journal, std::uint64_t from, std::uint64_t end,
                                   std::uint32_t max_messages = ~0u,
                                   std::uint64_t max_bytes = ~0ull) {
  auto found = journal.read(QueueId{1}, Offset{from}, Offset{end}, max_messages, max_bytes);
  if (!found) FAIL(found.error().text);
  std::vector<std::uint64_t> all;
  for (const auto& each : *found) {
    all.push_back(each.offset.value);
    REQUIRE(each.message->payload.starts_with(std::to_string(each.offset.value)));
  }
  return all;
}

std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> all;
  for (; first <= last; ++first) all.push_back(first);
  return all;
}

}  // namespace

TEST_CASE("a new journal is empty, and what is committed is there after opening it again") {
  const ScratchDirectory scratch;
  const auto image = rich_message(1);
  {
    auto journal = open_or_fail({scratch.path()});
    CHECK(journal->states().queues.empty());
    CHECK(journal->stats().last_commit == 0);
    CHECK(journal->stats().first_commit == 0);
    must(journal->commit(
        writes(define(1, "images", "images/+"), define_default_group(1), append(1, 1, image))));
    must(journal->commit(writes(attempt(1, 1, 3))));
    CHECK(journal->stats().commits == 2);
    CHECK(journal->stats().first_commit == 1);
  }
  auto journal = open_or_fail({scratch.path()});
  CHECK(journal->stats().last_commit == 2);
  CHECK(journal->stats().commits == 0);
  const auto states = journal->states();
  REQUIRE(states.queues.contains(QueueId{1}));
  const QueueState& queue = states.queues.at(QueueId{1});
  CHECK(queue.options().filter == "images/+");
  CHECK(queue.next == Offset{2});
  CHECK(queue.groups.at(dispatch::GroupId{1}).attempts.at(Offset{1}) == 3);
  CHECK(read_all(*journal, 1) == std::vector<Message>{*image});
}

TEST_CASE("an empty commit writes nothing") {
  const ScratchDirectory scratch;
  auto journal = open_or_fail({scratch.path()});
  must(journal->commit({}));
  CHECK(journal->stats().last_commit == 0);
}

TEST_CASE("a checkpoint leaves nothing to replay and changes nothing") {
  const ScratchDirectory scratch;
  QueueStates before;
  {
    auto journal = open_or_fail({scratch.path()});
    fill(*journal, 5, 5);
    must(journal->commit(writes(settle(1, 2, 4), attempt(1, 9, 2))));
    before = journal->states();
    must(journal->checkpoint());
    CHECK(journal->stats().checkpoint_commit == 7);
    must(journal->checkpoint());
  }
  auto journal = open_or_fail({scratch.path()});
  CHECK(journal->stats().checkpoint_commit == 7);
  CHECK(journal->states() == before);
  CHECK(offsets(*journal, 5, 100) == range(5, 25));
  must(journal->commit(writes(append(1, 26, message("q/a", "26")))));
  CHECK(offsets(*journal, 20, 100) == range(20, 26));
}

TEST_CASE("commits made while a checkpoint is being written are recovered") {
  const ScratchDirectory scratch;
  const storage::JournalOptions options{.directory = scratch.path(), .checkpoint_bytes = 1};
  for (int slices = 0; slices < 4; ++slices) {
    QueueStates before;
    const auto id = static_cast<std::uint32_t>(slices) + 1;
    {
      auto journal = open_or_fail(options);
      must(journal->commit(writes(define(id, "q" + std::to_string(id), "f" + std::to_string(id)),
                                  define_default_group(id), append(id, 1, rich_message(1)))));
      for (int i = 0; i < slices; ++i) {
        REQUIRE(journal->work().has_value());
        must(journal->commit(writes(append(id, 2u + static_cast<unsigned>(i), rich_message(2)))));
      }
      if (id > 1) must(journal->commit(writes(drop(id - 1))));
      before = journal->states();
    }
    CHECK(open_or_fail(options)->states() == before);
  }
}

TEST_CASE("reads give what was asked for, across commits and within their limits") {
  const ScratchDirectory scratch;
  auto journal = open_or_fail({scratch.path()});
  fill(*journal, 15, 14);
  CHECK(offsets(*journal, 1, ~0ull) == range(1, 210));
  CHECK(offsets(*journal, 100, 111) == range(100, 110));
  CHECK(offsets(*journal, 100, 100).empty());
  CHECK(offsets(*journal, 211, 300).empty());
  CHECK(offsets(*journal, 50, ~0ull, 9) == range(50, 58));
  CHECK(offsets(*journal, 50, ~0ull, 1) == range(50, 50));
  CHECK(offsets(*journal, 50, ~0ull, 0).empty());
  const auto one = message("q/a", "100")->size_bytes();
  CHECK(offsets(*journal, 100, ~0ull, 99, one * 3 - 1) == range(100, 101));
  CHECK(offsets(*journal, 100, ~0ull, 99, one * 3) == range(100, 102));
  CHECK(offsets(*journal, 100, ~0ull, 99, one * 3 + 1) == range(100, 102));
  CHECK(offsets(*journal, 100, ~0ull, 99, 0) == range(100, 100));  // one, however large
  CHECK(journal->read(QueueId{2}, Offset{1}, Offset{9}, 9, 9)->empty());
}

TEST_CASE("a queue drained in small reads, forth and back, gives every message once") {
  const ScratchDirectory scratch;
  auto journal = open_or_fail({scratch.path()});
  fill(*journal, 10, 100, 500);  // a commit is 50 kB: runs of two, and more than one block
  std::vector<std::uint64_t> drained;
  for (std::uint64_t from = 1; from <= 1000;) {
    const auto some = offsets(*journal, from, ~0ull, 7);
    REQUIRE_FALSE(some.empty());
    drained.insert(drained.end(), some.begin(), some.end());
    from = some.back() + 1;
  }
  CHECK(drained == range(1, 1000));
  for (std::uint64_t from = 995; from > 5; from -= 5)
    REQUIRE(offsets(*journal, from, from + 5) == range(from, from + 4));
}

// A message behind the gap that does not fit into the read must not be looked at for ever.
TEST_CASE("a read within limits ends before and behind messages that were lost") {
  const ScratchDirectory scratch;
  const storage::JournalOptions options{scratch.path()};
  {
    auto journal = open_or_fail(options);
    fill(*journal, 6, 2);  // commit 4 holds 5 and 6
    must(journal->checkpoint());
  }
  tamper(scratch.path() / "log",
         [](leveldb::DB& log) { REQUIRE(log.Put({}, storage::log_key(4), "damaged").ok()); });
  auto journal = open_or_fail(options);
  const auto one = message("q/a", "1")->size_bytes();
  CHECK(offsets(*journal, 3, ~0ull, 99, one * 2 + 1) == range(3, 4));
  CHECK(offsets(*journal, 5, ~0ull, 1) == range(7, 7));
  CHECK(offsets(*journal, 4, 7) == range(4, 4));
  CHECK(offsets(*journal, 5, 7).empty());
}

TEST_CASE("queues that share commits are read apart, in turn") {
  const ScratchDirectory scratch;
  auto journal = open_or_fail({scratch.path()});
  for (std::uint32_t queue = 1; queue <= 3; ++queue)
    must(
        journal->commit(writes(define(queue, "q" + std::to_string(queue), std::to_string(queue)))));
  for (std::uint64_t offset = 1; offset <= 50; ++offset) {
    std::vector<Write> all;
    for (std::uint32_t queue = 1; queue <= 3; ++queue)
      all.push_back(append(queue, offset, message("t", std::to_string(queue * 1000 + offset))));
    must(journal->commit(all));
  }
  for (std::uint64_t offset = 1; offset <= 50; offset += 10) {
    for (std::uint32_t queue = 1; queue <= 3; ++queue) {
      const auto found = journal->read(QueueId{queue}, Offset{offset}, Offset{~0ull}, 10, ~0ull);
      REQUIRE(found.has_value());
      REQUIRE(found->size() == 10);
      CHECK(found->front().message->payload == std::to_string(queue * 1000 + offset));
      CHECK(found->back().message->payload == std::to_string(queue * 1000 + offset + 9));
    }
  }
}

TEST_CASE("a deleted queue is gone, also after a restart, and its id stays used") {
  const ScratchDirectory scratch;
  const auto check = [](Journal& journal) {
    CHECK(journal.states().queues.empty());
    CHECK(journal.states().next_id == QueueId{2});
    CHECK(offsets(journal, 1, ~0ull).empty());
  };
  {
    auto journal = open_or_fail({scratch.path()});
    fill(*journal, 3, 3);
    must(journal->checkpoint());
    must(journal->commit(writes(drop(1))));
    check(*journal);
  }
  {
    auto journal = open_or_fail({scratch.path()});
    check(*journal);
    must(journal->checkpoint());
  }
  auto journal = open_or_fail({scratch.path()});
  check(*journal);
  CHECK_FALSE(journal->commit(writes(define(1, "q", "q"))).has_value());
}

TEST_CASE("writes that contradict each other are refused, and the journal is poisoned") {
  const ScratchDirectory scratch;
  auto journal = open_or_fail({scratch.path()});
  fill(*journal, 1, 3);
  const auto refused = journal->commit(writes(append(1, 9, message("q", "gap"))));
  REQUIRE_FALSE(refused.has_value());
  CHECK(journal->poisoned());
  CHECK_FALSE(journal->commit(writes(append(1, 4, message("q/a", "4")))).has_value());
  journal.reset();
  journal = open_or_fail({scratch.path()});
  CHECK(offsets(*journal, 1, 99) == range(1, 3));
  must(journal->commit(writes(append(1, 4, message("q/a", "4")))));
}

TEST_CASE("old commits are removed once settled, and what is needed stays") {
  const ScratchDirectory scratch;
  const storage::JournalOptions options{
      .directory = scratch.path(), .checkpoint_bytes = 1u << 20, .reclaim_bytes = 1u << 20};
  const auto work = [](Journal& journal) {
    for (int slices = 0;; ++slices) {
      const auto more = journal.work();
      if (!more) FAIL(more.error().text);
      REQUIRE(slices < 100);
      if (!*more) return;
    }
  };
  {
    auto journal = open_or_fail(options);
    fill(*journal, 100, 10, 4000);  // 4 MB
    work(*journal);
    CHECK(journal->stats().first_commit == 2);  // 1 holds no message, and is in the checkpoint
    CHECK(journal->stats().checkpoint_commit > 1);

    std::vector<Write> older_half;  // but for 405, which is in commit 42
    for (std::uint64_t offset = 1; offset <= 500; ++offset)
      if (offset != 405) older_half.push_back(settle(1, offset, offset));
    must(journal->commit(older_half));
    work(*journal);
    CHECK(journal->stats().first_commit > 40);
    CHECK(journal->stats().first_commit <= 42);
    CHECK(offsets(*journal, 405, 406) == range(405, 405));
    CHECK(offsets(*journal, 501, 5000) == range(501, 1000));

    must(journal->commit(writes(settle(1, 405, 405), settle(1, 501, 1000))));
    must(journal->checkpoint());
    work(*journal);
    CHECK(journal->stats().first_commit >= 102);
    CHECK(offsets(*journal, 1, 5000).empty());
  }
  auto journal = open_or_fail(options);
  CHECK(offsets(*journal, 1, 5000).empty());
  CHECK(journal->states().queues.at(QueueId{1}).first_kept() == Offset{1001});
  must(journal->commit(writes(append(1, 1001, message("q/a", "1001")))));
  CHECK(offsets(*journal, 1, 5000) == range(1001, 1001));
}

TEST_CASE("the disk space of removed commits comes back") {
  const ScratchDirectory scratch;
  const auto bytes_on_disk = [&] {
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch.path()))
      if (entry.is_regular_file()) bytes += entry.file_size();
    return bytes;
  };
  auto journal = open_or_fail(
      {.directory = scratch.path(), .reclaim_bytes = 1u << 20, .log_buffer_bytes = 64u << 10});
  fill(*journal, 40, 10, 50'000);  // 20 MB
  const auto full = bytes_on_disk();
  CHECK(full > 20'000'000);
  std::vector<Write> all;
  for (std::uint64_t offset = 1; offset <= 400; ++offset) all.push_back(settle(1, offset, offset));
  must(journal->commit(all));
  while (journal->work().value()) continue;
  CHECK(bytes_on_disk() < full / 10);
}
