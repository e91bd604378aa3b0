#include "dispatch/queue_state.h"

#include <memory>

#include <doctest/doctest.h>

using namespace dispatch;

namespace {

constexpr QueueId kQueue{1};

QueueStates one_queue() {
  QueueStates states;
  QueueOptions options;
  options.name = "jobs";
  REQUIRE(dispatch::apply(states, DefineQueue{kQueue, options}).has_value());
  REQUIRE(dispatch::apply(states, DefineGroup{kQueue, {1}, "default", {1}}).has_value());
  return states;
}

Append append(std::uint64_t offset, std::string key = {}) {
  return {kQueue, {offset}, std::make_shared<Message>(), std::move(key)};
}

bool contradicts(QueueStates states, const Write& write) {
  const auto before = states;
  const bool failed = !dispatch::apply(states, write).has_value();
  CHECK((!failed || states == before));
  return failed;
}

}  // namespace

TEST_CASE("writes fold into what is durable") {
  auto states = one_queue();
  for (std::uint64_t offset = 1; offset <= 4; ++offset)
    REQUIRE(dispatch::apply(states, append(offset)).has_value());
  REQUIRE(dispatch::apply(states, Attempt{kQueue, GroupId{1}, {2}, 3}).has_value());
  const auto& queue = states.queues.at(kQueue);
  const auto& group = queue.groups.at(GroupId{1});
  CHECK(queue.next == Offset{5});
  CHECK(group.attempts == std::map<Offset, std::uint32_t>{{{2}, 3}});
  REQUIRE(dispatch::apply(states, Settle{kQueue, GroupId{1}, {1}, {2}}).has_value());
  CHECK(group.attempts.empty());
  CHECK(group.ended[0] == 2);
  CHECK(queue.first_kept() == Offset{3});
}

TEST_CASE("contradictions are refused and change nothing") {
  auto states = one_queue();
  REQUIRE(dispatch::apply(states, append(1)).has_value());
  CHECK(contradicts(states, append(1)));
  CHECK(contradicts(states, append(3)));
  CHECK(contradicts(states, Settle{kQueue, GroupId{1}, {1}, {2}}));
  CHECK(contradicts(states, Settle{kQueue, GroupId{1}, {2}, {1}}));
  CHECK(contradicts(states, Settle{kQueue, {2}, {1}, {1}}));
  CHECK(contradicts(states, Attempt{kQueue, GroupId{1}, {2}, 1}));
  CHECK(contradicts(states, DefineGroup{kQueue, {1}, "default", {1}}));
  CHECK(contradicts(states, DeleteQueue{{2}}));
  CHECK(contradicts(states, Append{{2}, {1}, std::make_shared<Message>(), {}}));
  REQUIRE(dispatch::apply(states, Settle{kQueue, GroupId{1}, {1}, {1}}).has_value());
  CHECK(contradicts(states, Attempt{kQueue, GroupId{1}, {1}, 1}));
}

TEST_CASE("the id of a deleted queue never comes back") {
  auto states = one_queue();
  REQUIRE(dispatch::apply(states, DeleteQueue{kQueue}).has_value());
  CHECK(states.queues.empty());
  CHECK(states.next_id == QueueId{2});
  CHECK(contradicts(states, DefineQueue{kQueue, {}}));
  CHECK_FALSE(contradicts(states, DefineQueue{{2}, {}}));
}

TEST_CASE("the latest values that nobody needs any more don't pile up") {
  auto states = one_queue();
  QueueOptions options;
  options.last_value = true;
  states.queues.at(kQueue).set_options(options);
  const auto& queue = states.queues.at(kQueue);
  for (std::uint64_t offset = 1; offset <= 100'000; ++offset) {
    REQUIRE(dispatch::apply(states, append(offset, std::to_string(offset))).has_value());
    if (offset > 10)
      REQUIRE(
          dispatch::apply(states, Settle{kQueue, {}, {offset - 10}, {offset - 10}}).has_value());
  }
  CHECK(queue.latest.size() < 1100);
  for (std::uint64_t offset = 99'991; offset <= 100'000; ++offset)
    CHECK(queue.latest.at(std::to_string(offset)).offset == Offset{offset});
}
