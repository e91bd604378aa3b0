// Who may take a message: dispatch/consumer.h and the waiting in queue_set.cc.
#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

using namespace dispatch;

TEST_CASE("a consumer holds max_inflight messages at most") {
  for (const std::uint32_t max : {1u, 2u, 3u}) {
    QueueOptions options = jobs();
    options.max_inflight = max;
    OneQueue queue(options);
    queue.join();
    queue.publish_many(static_cast<int>(max) - 1);
    CHECK(queue.publish().find("deliver") != std::string::npos);
    CHECK(queue.publish().find("deliver") == std::string::npos);
    CHECK(queue.stats().in_flight == max);
    CHECK(queue.settle(1, 1).find("deliver c1") != std::string::npos);
    CHECK(queue.stats().in_flight == max);
  }
}

TEST_CASE("a consumer that released a message pauses, others go on") {
  QueueOptions options = jobs();
  options.release_pause = Duration(1000);
  OneQueue queue(options);
  queue.join();
  queue.publish();
  queue.commit();
  CHECK(queue.settle(1, 1, Outcome::release).empty());
  CHECK(queue.publish() == "append q1 #2 jobs/a\n");
  CHECK(queue.set.next_deadline() == queue.now + Duration(1000));
  CHECK(queue.join() == "deliver c2 #1 now\ndeliver c2 #2\n");
  queue.now += Duration(500);
  CHECK(queue.settle(2, 2, Outcome::release).empty());
  CHECK(queue.tick(Duration(499)).empty());
  CHECK(queue.tick(Duration(1)) == "deliver c1 #1 now\n");
  CHECK(queue.settle(2, 3) == "settle q1.1 #2\n");
  CHECK(queue.close(2).empty());
  CHECK(queue.tick(Duration(1000)).empty());
}

TEST_CASE("a consumer that waits for its session's credit may pause as well") {
  QueueOptions options = jobs();
  options.release_pause = Duration(1000);
  OneQueue queue(options);
  SessionLimits one;
  one.receive_maximum = 1;
  queue.join(one);
  queue.publish_many(2);
  queue.commit();
  CHECK(queue.settle(1, 1, Outcome::release).empty());
  CHECK(queue.note(queue.set.set_writable({1}, true, queue.now)).empty());
  options.max_inflight = 7;
  CHECK(queue.note(queue.set.update({}, options, queue.now).value()) == "define q1 jobs jobs/#\n");
  CHECK(queue.tick(Duration(1000)) == "deliver c1 #1 now\n");
}

TEST_CASE("a session's slots are shared by its consumers and plain traffic") {
  OneQueue queue;
  SessionLimits two;
  two.receive_maximum = 2;
  const auto session = queue.session(two);
  queue.subscribe(session);
  CHECK(queue.note(queue.set.set_plain_in_flight(session, 1, queue.now)).empty());
  CHECK(queue.publish() == "append q1 #1 jobs/a\ndeliver c1 #1\n");
  CHECK(queue.publish() == "append q1 #2 jobs/a\n");
  CHECK(queue.note(queue.set.set_plain_in_flight(session, 0, queue.now)) == "deliver c1 #2\n");
  CHECK(queue.publish() == "append q1 #3 jobs/a\n");
}

TEST_CASE("settling alone frees no slot, freeing a slot alone settles nothing") {
  OneQueue queue;
  SessionLimits one;
  one.receive_maximum = 1;
  queue.join(one);
  queue.publish_many(2);
  CHECK(queue.note(queue.set.settle({1}, {1}, Outcome::ack, queue.now)) == "settle q1.1 #1\n");
  CHECK(queue.free_slot(1) == "deliver c1 #2\n");
  CHECK(queue.free_slot(1).empty());
  CHECK(queue.stats().in_flight == 1);
}

TEST_CASE("a changed max_inflight is in force at once, for full and waiting consumers as well") {
  QueueOptions options = jobs();
  options.max_inflight = 3;
  OneQueue queue(options);
  const auto change = [&](std::uint32_t max_inflight) {
    options.max_inflight = max_inflight;
    return queue.note(queue.set.update({}, options, queue.now).value());
  };
  queue.join();
  queue.publish_many(5);
  CHECK(change(1) == "define q1 jobs jobs/#\n");
  CHECK(queue.settle(1, 1) == "settle q1.1 #1\n");
  CHECK(queue.settle(1, 2) == "settle q1.1 #2\n");
  CHECK(queue.settle(1, 3) == "settle q1.1 #3\ndeliver c1 #4\n");
  CHECK(change(2) == "define q1 jobs jobs/#\ndeliver c1 #5\n");

  queue.note(queue.set.set_writable({1}, false, queue.now));
  CHECK(queue.settle(1, 4) == "settle q1.1 #4\n");
  CHECK(queue.publish() == "append q1 #6 jobs/a\n");
  change(1);
  CHECK(queue.note(queue.set.set_writable({1}, true, queue.now)).empty());
  CHECK(queue.settle(1, 5) == "settle q1.1 #5\ndeliver c1 #6\n");
}

TEST_CASE("a full socket gets nothing until it is writable again") {
  OneQueue queue;
  queue.join();
  CHECK(queue.note(queue.set.set_writable({1}, false, queue.now)).empty());
  CHECK(queue.publish() == "append q1 #1 jobs/a\n");
  CHECK(queue.note(queue.set.set_writable({1}, true, queue.now)) == "deliver c1 #1\n");
}

TEST_CASE("a consumer that joins late gets its share at once") {
  OneQueue queue;
  SessionLimits ten;
  ten.receive_maximum = 10;
  queue.join(ten);
  queue.publish_many(100);
  CHECK(queue.stats().in_flight == 10);
  queue.join(ten);
  CHECK(queue.stats().in_flight == 20);
}

TEST_CASE("consumers of one session take turns with its credit") {
  OneQueue queue;
  QueueOptions other = jobs();
  other.name = "other", other.filter = "other/#";
  queue.note(queue.set.create({}, other, queue.now).value());
  SessionLimits one;
  one.receive_maximum = 1;
  const auto session = queue.session(one);
  queue.subscribe(session, "jobs/#");
  queue.subscribe(session, "other/#");
  for (int i = 0; i < 2; ++i) queue.publish("jobs/a"), queue.publish("other/a");
  CHECK(queue.free_slot(1) == "deliver c2 #1\n");
  CHECK(queue.free_slot(1) == "deliver c1 #2\n");
  CHECK(queue.free_slot(1) == "deliver c2 #2\n");
}

TEST_CASE("a message too large for a consumer goes to another, or waits without blocking") {
  OneQueue queue;
  SessionLimits narrow;
  narrow.max_packet_bytes = 1000;
  queue.join(narrow);
  const std::string large(2000, 'x');
  CHECK(queue.publish("jobs/large", large) == "append q1 #1 jobs/large\n");
  CHECK(queue.publish() == "append q1 #2 jobs/a\ndeliver c1 #2\n");
  CHECK(queue.join() == "deliver c2 #1\n");
  CHECK(queue.publish("jobs/large", large) == "append q1 #3 jobs/large\ndeliver c2 #3\n");
}

TEST_CASE("the packet with all its properties has to fit") {
  const auto delivered = [](bool metadata, std::uint32_t max_packet) {
    QueueOptions options = jobs();
    options.metadata = metadata;
    OneQueue queue(options);
    SessionLimits limits;
    limits.max_packet_bytes = max_packet;
    queue.join(limits);
    return queue.publish("jobs/a", std::string(100, 'x'), {{"k", "v"}}).find("deliver") !=
           std::string::npos;
  };
  CHECK(delivered(false, 177));  // 6 + 100 + 2, 5 a property, 64 at most for the rest
  CHECK_FALSE(delivered(false, 176));
  CHECK(delivered(true, 400));
  CHECK_FALSE(delivered(true, 300));
}

TEST_CASE("many consumers, one slow session each: every slot finds its message") {
  OneQueue queue;
  SessionLimits one;
  one.receive_maximum = 1;
  for (int i = 0; i < 1000; ++i) queue.join(one);
  queue.publish_many(2000);
  CHECK(queue.stats().in_flight == 1000);
  for (std::uint64_t c = 1; c <= 1000; ++c) {
    CHECK(queue.note(queue.set.settle({c}, {c}, Outcome::ack, queue.now)) ==
          "settle q1.1 #" + std::to_string(c) + "\n");
    CHECK(queue.free_slot(c) ==
          "deliver c" + std::to_string(c) + " #" + std::to_string(1000 + c) + "\n");
  }
}
