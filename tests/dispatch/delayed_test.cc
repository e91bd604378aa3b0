// The wait after a failed delivery: dispatch/delayed.cc, and its place in dispatch/group.cc.
#include "dispatch/delayed.h"

#include <set>

#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

using namespace dispatch;

namespace {

QueueOptions with_delay(int delay_ms) {
  QueueOptions options = jobs();
  options.retry_delay = Duration(delay_ms);
  options.retry_jitter = 0;
  return options;
}

}  // namespace

TEST_CASE("the wait grows with every failure, up to its maximum") {
  QueueOptions options = with_delay(100);
  options.retry_multiplier = 3;
  options.retry_delay_max = Duration(1000);
  Random random;
  const std::int64_t expected[] = {100, 300, 900, 1000, 1000};
  for (std::uint32_t failed = 1; failed <= 5; ++failed)
    CHECK(retry_delay(options, failed, random).count() == expected[failed - 1]);
  CHECK(retry_delay(options, ~0u, random) == Duration(1000));
  options.retry_multiplier = 1;
  CHECK(retry_delay(options, ~0u, random) == Duration(100));
  options.retry_delay_max = Duration(50);
  CHECK(retry_delay(options, 1, random) == Duration(50));
  options.retry_delay = Duration(0);
  CHECK(retry_delay(options, 5, random) == Duration(0));
}

TEST_CASE("chance takes off at most retry_jitter percent, and follows from the seed") {
  QueueOptions options = with_delay(100);
  options.retry_jitter = 20;
  Random random(7), same(7);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 2000; ++i) {
    const auto delay = retry_delay(options, 1, random);
    CHECK(delay == retry_delay(options, 1, same));
    seen.insert(delay.count());
  }
  CHECK(*seen.begin() == 80);
  CHECK(*seen.rbegin() == 100);
  CHECK(seen.size() == 21);
}

TEST_CASE("a failed message waits, others go on, then it takes its old place") {
  OneQueue queue(with_delay(100));
  SessionLimits one;
  one.receive_maximum = 1;
  queue.join(one);
  queue.publish_many(3);
  queue.commit();
  CHECK(queue.settle(1, 1, Outcome::retry) == "attempt q1.1 #1 failed 1\ndeliver c1 #2 now\n");
  CHECK(queue.stats().delayed == 1);
  CHECK(queue.stats().ready == 1);
  CHECK(queue.set.next_deadline() == queue.now + Duration(100));
  CHECK(queue.tick(Duration(99)).empty());
  CHECK(queue.tick(Duration(1)).empty());
  CHECK(queue.stats().delayed == 0);
  CHECK_FALSE(queue.set.next_deadline().has_value());
  CHECK(queue.settle(1, 2) == "settle q1.1 #2\ndeliver c1 #1 attempt 2\n");
  CHECK(queue.settle(1, 3, Outcome::retry) == "attempt q1.1 #1 failed 2\ndeliver c1 #3 now\n");
  CHECK(queue.set.next_deadline() == queue.now + Duration(200));
}

TEST_CASE("what comes back for another reason than a failure does not wait") {
  OneQueue queue(with_delay(100));
  queue.join();
  queue.publish();
  queue.commit();
  CHECK(queue.settle(1, 1, Outcome::release) == "deliver c1 #1 now\n");
  CHECK(queue.close(1, Leave::lost) == "attempt q1.1 #1 failed 1\n");
  CHECK(queue.stats().ready == 1);
  CHECK_FALSE(queue.set.next_deadline().has_value());
}

TEST_CASE("messages are due by time, not by offset") {
  OneQueue queue(with_delay(100));
  queue.join();
  queue.publish_many(2);
  queue.settle(1, 2, Outcome::retry);
  queue.now += Duration(10);
  queue.settle(1, 1, Outcome::retry);
  CHECK(queue.tick(Duration(90)) == "deliver c1 #2 attempt 2\n");
  CHECK(queue.tick(Duration(10)) == "deliver c1 #1 attempt 2\n");
}

TEST_CASE("a restart keeps the attempts and forgets the wait") {
  OneQueue queue(with_delay(100));
  queue.join();
  queue.publish();
  queue.settle(1, 1, Outcome::retry);
  queue.restart();
  CHECK(queue.stats().ready == 1);
  queue.join();
  CHECK(queue.answer() == "deliver c1 #1 attempt 2\n");
}

TEST_CASE("a value that waits is replaced by a newer one of its key") {
  QueueOptions options = with_delay(100);
  options.last_value = true;
  OneQueue queue(options);
  queue.join();
  queue.publish();
  queue.settle(1, 1, Outcome::retry);
  const auto step = queue.publish();
  CHECK(queue.stats().ended_as(End::superseded) == 1);
  CHECK(step.find("deliver c1 #2") != step.npos);
  CHECK(queue.stats().delayed == 0);
  CHECK(queue.tick(Duration(100)).empty());
}

TEST_CASE("consumers that fail everything don't pull the whole backlog into memory") {
  CoreLimits limits;
  limits.window_messages = 4;
  OneQueue queue(with_delay(1000), limits);
  queue.join();
  std::uint64_t failed = 0;
  for (int i = 0; i < 100; ++i) {
    queue.publish();
    while (queue.stats().in_flight > 0) queue.settle(1, ++failed, Outcome::retry);
    while (!queue.loads.empty()) queue.answer();
  }
  CHECK(queue.stats().delayed <= 4 * 8 + 4);
  CHECK(queue.stats().ready + queue.stats().delayed + queue.stats().in_flight == 100);
  std::string after = queue.tick(Duration(1000));
  CHECK(after.find("deliver c1 #1 attempt 2") != after.npos);
}

TEST_CASE("a message that waited longer than its consumers stayed is delivered once") {
  OneQueue queue(with_delay(100));
  queue.join();
  queue.publish_many(200);
  queue.commit();
  queue.settle(1, 32, Outcome::retry);
  queue.settle(1, 31, Outcome::retry);
  queue.close(1, Leave::orderly);
  CHECK(queue.stats().delayed == 2);
  CHECK(queue.stats().ready == 198);
  queue.tick(Duration(100));
  CHECK(queue.stats().ready == 200);
  std::string all;
  for (int i = 0; i < 10; ++i) {
    all += queue.join();
    while (!queue.loads.empty()) all += queue.answer();
  }
  for (const char* offset : {"#31 ", "#32 "}) {
    const auto found = all.find(offset);
    REQUIRE(found != all.npos);
    CHECK(all.find(offset, found + 1) == all.npos);
  }
  CHECK(queue.stats().in_flight == 200);
}
