#include "dispatch/strategy.h"

#include <array>
#include <map>
#include <string>

#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

using namespace dispatch;

namespace {

QueueOptions with(Strategy strategy) {
  QueueOptions options = jobs();
  options.dispatch = strategy;
  return options;
}

// Which consumer gets the next message: "c2".
std::string next_taker(OneQueue& queue) {
  const auto step = queue.publish();
  const auto at = step.find("deliver ");
  return at == step.npos ? "nobody" : step.substr(at + 8, 2);
}

std::string next_takers(OneQueue& queue, int count) {
  std::string takers;
  for (int i = 0; i < count; ++i) takers += (i > 0 ? " " : "") + next_taker(queue);
  return takers;
}

}  // namespace

TEST_CASE("round_robin goes round, whatever they hold") {
  OneQueue queue(with(Strategy::round_robin));
  for (int i = 0; i < 3; ++i) queue.join();
  CHECK(next_takers(queue, 4) == "c1 c2 c3 c1");
  queue.settle(1, 1);
  queue.settle(1, 4);
  CHECK(next_takers(queue, 4) == "c2 c3 c1 c2");
  queue.close(3, Leave::orderly);  // its two go to c1 and c2
  CHECK(next_takers(queue, 2) == "c1 c2");
}

TEST_CASE("least_inflight prefers who holds least, then who was served longest ago") {
  OneQueue queue(with(Strategy::least_inflight));
  for (int i = 0; i < 3; ++i) queue.join();
  CHECK(next_takers(queue, 4) == "c1 c2 c3 c1");
  queue.settle(3, 3);
  CHECK(next_takers(queue, 4) == "c3 c2 c3 c1");
}

TEST_CASE("random gives everybody a share, the same for the same seed") {
  std::map<std::string, int> shares;
  std::array<std::string, 2> runs;
  for (auto& run : runs) {
    QueueOptions options = with(Strategy::random);
    options.max_inflight = 65535;
    OneQueue queue(options);
    for (int i = 0; i < 3; ++i) queue.join();
    for (int i = 0; i < 3000; ++i) {
      const auto taker = next_taker(queue);
      ++shares[taker];
      run += taker;
    }
  }
  CHECK(runs[0] == runs[1]);
  CHECK(shares.size() == 3);
  for (const auto& [taker, share] : shares) CHECK(share > 1800);
}

TEST_CASE("every strategy passes over consumers without credit and those who left") {
  for (const Strategy strategy :
       {Strategy::least_inflight, Strategy::round_robin, Strategy::random}) {
    QueueOptions options = with(strategy);
    options.max_inflight = 2;
    OneQueue queue(options);
    for (int i = 0; i < 3; ++i) queue.join();
    queue.close(2, Leave::orderly);
    for (int i = 0; i < 4; ++i) CHECK(next_taker(queue) != "c2");
    CHECK(next_taker(queue) == "nobody");
    CHECK(queue.stats().in_flight == 4);
    queue.settle(1, 1);
    queue.settle(3, 1);  // one of the two held it
    CHECK(queue.stats().in_flight == 4);
  }
}
