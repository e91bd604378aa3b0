#include <doctest/doctest.h>

#include <array>

#include "tests/dispatch/one_queue.h"

// What administration sees; see dispatch/look.h.

namespace dispatch {
namespace {

constexpr std::array<Offset, 5> kOffsets = {Offset{1}, Offset{2}, Offset{3}, Offset{4}, Offset{5}};

std::vector<Place> places(const OneQueue& queue) {
  std::vector<Place> found;
  for (const MessageView& view : queue.set.look_at({1}, kOffsets)) found.push_back(view.place);
  return found;
}

TEST_CASE("a message is ready, in flight, delayed or settled, and looking changes nothing") {
  QueueOptions options = jobs();
  options.retry_delay = Duration(1000);
  options.retry_jitter = 0;
  options.max_inflight = 3;
  OneQueue queue(options);
  queue.publish_many(5);
  queue.commit();
  queue.join();
  CHECK(queue.stats().in_flight == 3);
  queue.settle(1, 1);                  // #1 done, #4 given out
  queue.settle(1, 2, Outcome::retry);  // #2 waits, #5 given out
  const std::vector<Place> expected = {Place::settled, Place::delayed, Place::in_flight,
                                       Place::in_flight, Place::in_flight};
  CHECK(places(queue) == expected);
  CHECK(places(queue) == expected);
  CHECK(queue.set.look_at({1}, kOffsets)[1].failed == 1);
  CHECK(queue.set.look_at({1}, kOffsets)[2].failed == 0);
  queue.close(1, Leave::orderly);
  CHECK(places(queue)[2] == Place::ready);
}

TEST_CASE("without a group everything that is kept is ready; without a queue nothing is") {
  OneQueue queue;
  CHECK(queue.set.delete_group({}, "jobs", "default", queue.now).has_value());
  queue.publish_many(5);
  CHECK(places(queue) == std::vector<Place>(5, Place::ready));
  for (const MessageView& view : queue.set.look_at({9}, kOffsets))
    CHECK(view.place == Place::settled);
}

TEST_CASE("what is not settled comes in stretches without a hole") {
  OneQueue queue;
  queue.publish_many(5);
  queue.commit();
  queue.join();
  CHECK(queue.set.unsettled_from("jobs", false, {1}) == Stretch{{1}, {1}, {6}});
  queue.settle(1, 1);
  queue.settle(1, 3);
  CHECK(queue.set.unsettled_from("jobs", false, {1}) == Stretch{{1}, {2}, {3}});
  CHECK(queue.set.unsettled_from("jobs", false, {3}) == Stretch{{1}, {4}, {6}});
  CHECK(queue.set.unsettled_from("jobs", false, {5}) == Stretch{{1}, {5}, {6}});
  CHECK_FALSE(queue.set.unsettled_from("jobs", false, {6}));
  CHECK_FALSE(queue.set.unsettled_from("jobs", true, {1}));
  CHECK_FALSE(queue.set.unsettled_from("none", false, {1}));
  queue.settle(1, 5, Outcome::reject);
  CHECK(queue.set.unsettled_from("jobs", true, {1}) == Stretch{{2}, {1}, {2}});
}

TEST_CASE("what a queue may keep reaches from its oldest message to the next offset") {
  OneQueue queue;
  CHECK(queue.set.kept_in("jobs") == Stretch{{1}, {1}, {1}});
  queue.join();
  queue.publish_many(3);
  CHECK(queue.set.kept_in("jobs") == Stretch{{1}, {1}, {4}});
  queue.settle(1, 1);
  CHECK(queue.set.kept_in("jobs") == Stretch{{1}, {2}, {4}});
  queue.settle(1, 3);
  CHECK(queue.set.kept_in("jobs") == Stretch{{1}, {2}, {4}});
  queue.settle(1, 2);
  CHECK(queue.set.kept_in("jobs") == Stretch{{1}, {4}, {4}});
  CHECK_FALSE(queue.set.kept_in("none"));
}

TEST_CASE("a consumer's view tells what it holds, has room for, and waits for") {
  QueueOptions options = jobs();
  options.max_inflight = 4;
  options.release_pause = Duration(500);
  OneQueue queue(options);
  SessionLimits limits;
  limits.receive_maximum = 3;
  queue.join(limits);
  queue.publish_many(2);
  auto views = queue.set.consumer_views("jobs", queue.now);
  REQUIRE(views.size() == 1);
  CHECK(views[0].consumer == ConsumerId{1});
  CHECK(views[0].queue == "jobs");
  CHECK(views[0].group == "default");
  CHECK(views[0].in_flight == 2);
  CHECK(views[0].credit == 1);
  CHECK(views[0].paused_ms == 0);
  queue.note(queue.set.set_writable({1}, false, queue.now));
  CHECK(queue.set.consumer_views("jobs", queue.now)[0].credit == 0);
  queue.note(queue.set.set_writable({1}, true, queue.now));
  queue.settle(1, 1, Outcome::release);
  CHECK(queue.set.consumer_views("jobs", queue.now)[0].paused_ms == 500);
  CHECK(queue.set.consumer_views("jobs", queue.now + Duration(200))[0].paused_ms == 300);
  CHECK(queue.set.consumer_views("", queue.now).size() == 1);
  CHECK(queue.set.consumer_views("none", queue.now).empty());
}

TEST_CASE("queues are found by topic, by name and page by page") {
  OneQueue queue;
  for (const char* name : {"b", "a", "c"}) {
    QueueOptions options = jobs();
    options.name = name;
    options.filter = std::string("jobs/") + name;
    queue.note(queue.set.create({}, options, queue.now).value());
  }
  const auto names = [](const auto& all) {
    std::string text;
    for (const auto* options : all) text += options->name + " ";
    return text;
  };
  CHECK(names(queue.set.queues_of_topic("jobs/a")) == "jobs a ");
  CHECK(names(queue.set.queues_of_topic("jobs/x")) == "jobs ");
  CHECK(queue.set.queues_of_topic("other").empty());
  REQUIRE(queue.set.options_of("b") != nullptr);
  CHECK(queue.set.options_of("b")->filter == "jobs/b");
  CHECK(queue.set.options_of("none") == nullptr);
  const auto page = queue.set.stats_after("a", 2, queue.now);
  REQUIRE(page.size() == 2);
  CHECK(page[0].options.name == "b");
  CHECK(page[1].options.name == "c");
  CHECK(queue.set.stats_after("jobs", 2, queue.now).empty());
}

}  // namespace
}  // namespace dispatch
