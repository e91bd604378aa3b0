// How messages go to consumers and what becomes of them: dispatch/group.cc.
#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

using namespace dispatch;

TEST_CASE("a message is stored first and delivered once that is durable") {
  OneQueue queue;
  queue.join();
  CHECK(queue.publish() == "append q1 #1 jobs/a\ndeliver c1 #1\n");
}

TEST_CASE("what is durable is delivered without waiting for the disk") {
  OneQueue queue;
  queue.publish();
  queue.commit();
  CHECK(queue.join() == "deliver c1 #1 now\n");
  queue.publish();
  CHECK(queue.publish("jobs/b") == "append q1 #3 jobs/b\ndeliver c1 #3\n");
}

TEST_CASE("acknowledgements are accepted in any order") {
  OneQueue queue;
  queue.join();
  queue.publish_many(3);
  CHECK(queue.settle(1, 3) == "settle q1.1 #3\n");
  CHECK(queue.settle(1, 1) == "settle q1.1 #1\n");
  CHECK(queue.settle(1, 2) == "settle q1.1 #2\n");
  CHECK(queue.stats().ready == 0);
  CHECK(queue.stats().in_flight == 0);
  CHECK(queue.stats().ended_as(End::acked) == 3);
}

TEST_CASE("a retried message counts an attempt and comes again at once, in its place") {
  OneQueue queue;
  SessionLimits one;
  one.receive_maximum = 1;
  queue.join(one);
  queue.publish_many(2);
  queue.commit();
  CHECK(queue.settle(1, 1, Outcome::retry) ==
        "attempt q1.1 #1 failed 1\ndeliver c1 #1 attempt 2\n");
  CHECK(queue.settle(1, 2, Outcome::retry) ==
        "attempt q1.1 #1 failed 2\ndeliver c1 #1 attempt 3\n");
  CHECK(queue.settle(1, 3) == "settle q1.1 #1\ndeliver c1 #2 now\n");
  CHECK(queue.stats().redelivered_total == 2);
}

TEST_CASE("a released message is not counted") {
  OneQueue queue;
  queue.join();
  queue.publish();
  queue.commit();
  CHECK(queue.settle(1, 1, Outcome::release) == "deliver c1 #1 now\n");
  CHECK(queue.stats().redelivered_total == 1);
}

TEST_CASE("what one consumer refused is offered to others first") {
  for (const Outcome outcome : {Outcome::retry, Outcome::release}) {
    OneQueue queue;
    queue.join();
    queue.publish();
    queue.join();
    queue.commit();
    const auto step = queue.settle(1, 1, outcome);
    CHECK(step.find("deliver c2 #1") != step.npos);
  }
}

TEST_CASE("a lost connection counts an attempt, leaving in order does not") {
  OneQueue queue;
  queue.join();
  queue.publish_many(2);
  queue.commit();
  CHECK(queue.close(1, Leave::lost) == "attempt q1.1 #1 failed 1\nattempt q1.1 #2 failed 1\n");
  CHECK(queue.join() == "deliver c2 #1 attempt 2\ndeliver c2 #2 attempt 2\n");
  CHECK(queue.close(2, Leave::orderly).empty());
  CHECK(queue.join() == "deliver c3 #1 attempt 2\ndeliver c3 #2 attempt 2\n");
  CHECK(queue.note(queue.set.unsubscribe({3}, queue.now)).empty());
  CHECK(queue.stats().ready == 2);
  CHECK(queue.stats().consumers == 0);
}

TEST_CASE("a delivery settles once, by the consumer that holds it") {
  OneQueue queue;
  queue.join();
  queue.join();
  queue.publish();
  CHECK(to_text(queue.set.settle({2}, {1}, Outcome::ack, queue.now)).empty());
  CHECK(to_text(queue.set.settle({1}, {9}, Outcome::ack, queue.now)).empty());
  CHECK(queue.settle(1, 1) == "settle q1.1 #1\n");
  CHECK(to_text(queue.set.settle({1}, {1}, Outcome::ack, queue.now)).empty());
  CHECK(to_text(queue.set.settle({7}, {1}, Outcome::ack, queue.now)).empty());
}

TEST_CASE("a restart keeps offsets and attempts and forgets what was in flight") {
  OneQueue queue;
  queue.join();
  queue.publish_many(3);
  queue.settle(1, 2);
  queue.settle(1, 1, Outcome::retry);
  CHECK(queue.restart().empty());
  CHECK(queue.stats().ready == 2);
  CHECK(queue.stats().ended_as(End::acked) == 1);
  CHECK(queue.join() == "load q1.1 #1 to #4 max 1024\n");
  CHECK(queue.answer() == "deliver c1 #1 attempt 2\ndeliver c1 #3 now\n");
  CHECK(queue.publish() == "append q1 #4 jobs/a\ndeliver c1 #4\n");
}

TEST_CASE("the age is that of the oldest message not settled") {
  OneQueue queue;
  CHECK(queue.stats().oldest_age_ms == 0);
  queue.publish();
  queue.now += Duration(500);
  queue.publish();
  queue.now += Duration(200);
  CHECK(queue.stats().oldest_age_ms == 700);
  queue.join();
  CHECK(queue.stats().oldest_age_ms == 700);
  queue.settle(1, 1);
  CHECK(queue.stats().oldest_age_ms == 200);
  queue.settle(1, 2);
  CHECK(queue.stats().oldest_age_ms == 0);
}
