// Last-value queues: dispatch/last_value.h and its use in queue.cc and group.cc.
#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

using namespace dispatch;

namespace {

QueueOptions latest() {
  QueueOptions options = jobs();
  options.last_value = true;
  return options;
}

}  // namespace

TEST_CASE("a newer value takes the place of the ready one, in the same commit") {
  OneQueue queue(latest());
  CHECK(queue.publish("jobs/a", "blue") == "append q1 #1 jobs/a key jobs/a\n");
  CHECK(queue.publish("jobs/a", "red") == "append q1 #2 jobs/a key jobs/a\n");
  queue.publish("jobs/b", "on");
  queue.commit();
  CHECK(queue.stats().ready == 2);
  CHECK(queue.stats().ended_as(End::superseded) == 1);
  CHECK(queue.join() == "deliver c1 #2 now\ndeliver c1 #3 now\n");
}

TEST_CASE("a newer value waits while an older one is in flight") {
  OneQueue queue(latest());
  queue.join();
  queue.publish();
  CHECK(queue.publish() == "append q1 #2 jobs/a key jobs/a\n");
  CHECK(queue.publish() == "append q1 #3 jobs/a key jobs/a\n");
  queue.commit();
  CHECK(queue.settle(1, 1) == "deliver c1 #3 now\n");
}

TEST_CASE("a value that fails after being superseded is dropped, uncounted") {
  for (const Outcome outcome : {Outcome::retry, Outcome::release, Outcome::reject}) {
    OneQueue queue(latest());
    queue.join();
    queue.publish_many(2);
    queue.commit();
    CHECK(queue.settle(1, 1, outcome) == "deliver c1 #2 now\n");
  }
}

TEST_CASE("a superseded value whose consumer is gone is dropped") {
  OneQueue queue(latest());
  queue.join();
  queue.publish_many(2);
  queue.commit();
  CHECK(queue.close(1).empty());
  CHECK(queue.join() == "deliver c2 #2 now\n");
}

TEST_CASE("a value that fails and is still the latest comes again") {
  OneQueue queue(latest());
  queue.join();
  queue.publish();
  CHECK(queue.settle(1, 1, Outcome::retry) ==
        "attempt q1.1 #1 failed 1\ndeliver c1 #1 attempt 2\n");
}

TEST_CASE("a consumed value stays gone and a new one is delivered") {
  OneQueue queue(latest());
  queue.join();
  queue.publish();
  queue.settle(1, 1);
  CHECK(queue.publish() == "append q1 #2 jobs/a key jobs/a\ndeliver c1 #2\n");
}

TEST_CASE("after a restart only the latest value of each key is left") {
  OneQueue queue(latest());
  queue.join();
  queue.publish("jobs/a");
  queue.publish("jobs/b");
  queue.publish("jobs/a");
  CHECK(queue.restart().empty());
  CHECK(queue.stats().ready == 2);
  CHECK(queue.join() == "load q1.1 #2 to #4 max 1024\n");
  CHECK(queue.answer() == "deliver c1 #2 now\ndeliver c1 #3 now\n");
}

TEST_CASE("the light that was away sees green and the firmware, nothing else") {
  QueueOptions options = latest();
  options.key = {"topic", "property:command_type"};
  OneQueue queue(options);
  for (const char* color : {"blue", "red", "green"})
    queue.publish("jobs/light", color, {{"command_type", "set-color"}});
  queue.publish("jobs/light", "v2", {{"command_type", "firmware"}});
  queue.commit();
  CHECK(queue.join() == "deliver c1 #3 now\ndeliver c1 #4 now\n");
}

TEST_CASE("a key that is changed holds for what is stored from then on") {
  OneQueue queue(latest());
  queue.join();
  queue.publish("jobs/a");  // in flight as "jobs/a"
  QueueOptions options = latest();
  options.key = {"topic:1"};
  queue.set.update({}, options, queue.now).value();
  queue.publish("jobs/b");  // in flight as "jobs"
  queue.publish("jobs/c");  // waits for it
  CHECK(queue.stats().in_flight == 2);
  CHECK(queue.settle(1, 2) == "deliver c1 #3\n");
  CHECK(queue.settle(1, 1) == "settle q1.1 #1\n");
  CHECK(queue.settle(1, 3) == "settle q1.1 #3\n");
}

TEST_CASE("a value that came back under another key is replaced all the same") {
  OneQueue queue(latest());
  queue.publish("jobs/a");
  QueueOptions options = latest();
  options.key = {"topic:1"};
  queue.set.update({}, options, queue.now).value();
  queue.restart();
  queue.join();
  CHECK(queue.answer() == "deliver c1 #1 now\n");  // in flight as "jobs"
  queue.set.update({}, latest(), queue.now).value();
  CHECK(queue.publish("jobs/a") == "append q1 #2 jobs/a key jobs/a\ndeliver c1 #2\n");
  CHECK(queue.stats().ended_as(End::superseded) == 1);
  CHECK(queue.settle(1, 1).empty());
  CHECK(queue.settle(1, 2) == "settle q1.1 #2\n");
  CHECK(queue.stats().ready == 0);
}
