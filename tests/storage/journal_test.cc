#include "storage/journal.h"

#include <unistd.h>

#include "doctest/doctest.h"
#include "tests/support/storage_samples.h"

using namespace storage;
using namespace storage_samples;

TEST_CASE("a new journal is empty, and what is committed is there after opening it again") {
  const ScratchDirectory scratch;
  const auto image = message("images/a", "payload");
  {
    auto journal = open_or_fail({scratch.path()});
    CHECK(journal->states().queues.empty());
    CHECK(journal->stats().last_commit == 0);
    must(journal->commit(
        writes(define(1, "images", "images/+"), define_default_group(1), append(1, 1, image))));
    CHECK(journal->stats().last_commit == 1);
  }
  auto journal = open_or_fail({scratch.path()});
  CHECK(journal->stats().last_commit == 1);
  const auto states = journal->states();
  REQUIRE(states.queues.contains(QueueId{1}));
  CHECK(states.queues.at(QueueId{1}).options.filter == "images/+");
  CHECK(states.queues.at(QueueId{1}).next == Offset{2});
  CHECK(read_all(*journal, 1) == std::vector<dispatch::Message>{*image});
}
