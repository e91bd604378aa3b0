#include "storage/run_index.h"

#include "doctest/doctest.h"

using namespace dispatch;
using storage::QueueRuns;
using storage::Run;

namespace {

// `count` messages in each of the commits first..last, each commit of this many bytes.
QueueRuns burst(std::uint64_t commits, std::uint64_t per_commit, std::uint64_t bytes) {
  QueueRuns runs;
  std::uint64_t offset = 1;
  for (std::uint64_t commit = 1; commit <= commits; ++commit)
    for (std::uint64_t i = 0; i < per_commit; ++i)
      runs.add(Offset{offset++}, commit, commit * bytes);
  return runs;
}

}  // namespace

TEST_CASE("messages of one commit are one run, however large") {
  const auto runs = burst(1, 1000, 1'000'000);
  REQUIRE(runs.all().size() == 1);
  CHECK(runs.all()[0] == Run{1, Offset{1}, 1000, 1});
}

TEST_CASE("runs join small commits up to 64 KiB or 64 commits") {
  CHECK(burst(64, 20, 1).all().size() == 1);
  CHECK(burst(65, 20, 1).all().size() == 2);
  CHECK(burst(8, 20, 8192).all().size() == 1);
  CHECK(burst(9, 20, 8192).all().size() == 2);
  CHECK(burst(10, 20, 65536).all().size() == 10);
  CHECK(burst(15'000, 20, 6600).all().size() == 1500);  // 300,000 messages of 256 B
}

TEST_CASE("a gap of offsets or a recovered run begins a new run") {
  QueueRuns runs;
  runs.add(Offset{1}, 1, 0);
  runs.add(Offset{3}, 1, 0);
  CHECK(runs.all().size() == 2);
  QueueRuns recovered(std::vector<Run>{{1, Offset{1}, 5, 1}});
  recovered.add(Offset{6}, 2, 10);
  CHECK(recovered.all().size() == 2);
}

TEST_CASE("from() gives the runs that reach above an offset") {
  const auto runs = burst(3, 10, 65536);
  CHECK(runs.from(Offset{1}).size() == 3);
  CHECK(runs.from(Offset{10}).size() == 3);
  CHECK(runs.from(Offset{11}).size() == 2);
  CHECK(runs.from(Offset{30}).size() == 1);
  CHECK(runs.from(Offset{31}).empty());
}

TEST_CASE("runs that are gone are dropped in front and in the middle, and memory with them") {
  auto runs = burst(1000, 10, 65536);
  runs.drop_below(Offset{11});
  CHECK(runs.all().front().commit == 2);
  runs.drop_below(Offset{9995});
  CHECK(runs.all().size() == 1);
  CHECK(runs.all().front() == Run{1000, Offset{9991}, 10, 1});

  runs = burst(3, 10, 65536);
  QueueState queue;
  queue.next = Offset{31};
  runs.drop_gone(queue);
  CHECK(runs.all().size() == 3);
  queue.gone.add(Offset{11}, Offset{19});
  runs.drop_gone(queue);
  CHECK(runs.all().size() == 3);
  queue.gone.add(Offset{20}, Offset{20});
  runs.drop_gone(queue);
  REQUIRE(runs.all().size() == 2);
  CHECK(runs.all()[1].commit == 3);
}

TEST_CASE("runs that were moved or removed are cut where the log begins") {
  const std::vector<Run> runs = {{10, Offset{1}, 20, 10}, {30, Offset{40}, 5, 1}};
  const auto cut = [&](std::uint64_t commit, std::uint64_t end) {
    QueueRuns copy{std::vector<Run>(runs)};
    copy.begin_at(commit, Offset{end});
    return std::vector<Run>(copy.all().begin(), copy.all().end());
  };
  CHECK(cut(10, 1) == runs);
  CHECK(cut(15, 9) == std::vector<Run>{{15, Offset{9}, 12, 5}, runs[1]});
  CHECK(cut(15, 0) == std::vector<Run>{{15, Offset{1}, 20, 5}, runs[1]});
  CHECK(cut(9, 20) == std::vector<Run>{{10, Offset{20}, 1, 10}, runs[1]});
  CHECK(cut(9, 21) == std::vector<Run>{runs[1]});
  CHECK(cut(20, 9) == std::vector<Run>{runs[1]});
  CHECK(cut(31, 9).empty());
  CHECK(cut(9, 45).empty());
}
