// Consumers that take too long: dispatch/leases.cc and dispatch/group_time.cc.
#include "dispatch/leases.h"

#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

using namespace dispatch;

namespace {

QueueOptions with_timeout(int timeout_ms) {
  QueueOptions options = jobs();
  options.ack_timeout = Duration(timeout_ms);
  return options;
}

}  // namespace

TEST_CASE("a message held too long goes to another consumer, as a failed attempt") {
  OneQueue queue(with_timeout(1000));
  queue.join();
  queue.publish();
  queue.commit();
  queue.join();
  CHECK(queue.set.next_deadline() == queue.now + Duration(1000));
  CHECK(queue.tick(Duration(999)).empty());
  CHECK(queue.tick(Duration(1)) == "attempt q1.1 #1 failed 1\ndeliver c2 #1 attempt 2\n");
  CHECK(queue.stats().in_flight == 1);
  CHECK(queue.settle(1, 1).empty());  // fenced: it is c2's now
  CHECK(queue.settle(2, 2) == "settle q1.1 #1\n");
}

TEST_CASE("a hung consumer keeps its share of max_inflight until it answers") {
  QueueOptions options = with_timeout(1000);
  options.max_inflight = 2;
  OneQueue queue(options);
  queue.join();
  queue.publish_many(3);
  CHECK(queue.tick(Duration(1000)) == "attempt q1.1 #1 failed 1\nattempt q1.1 #2 failed 1\n");
  CHECK(queue.stats().ready == 3);
  CHECK(queue.settle(1, 1, Outcome::retry) == "deliver c1 #1 attempt 2\n");
  CHECK(queue.join() == "deliver c2 #2 attempt 2\ndeliver c2 #3\n");
}

TEST_CASE("slots that overdue deliveries use are not used twice") {
  SessionLimits one;
  one.receive_maximum = 1;
  OneQueue queue(with_timeout(1000));
  queue.join(one);
  queue.publish();
  CHECK(queue.tick(Duration(1000)) == "attempt q1.1 #1 failed 1\n");
  CHECK(queue.free_slot(1) == "deliver c1 #1 attempt 2\n");
}

TEST_CASE("a late acknowledgement settles if nobody else has the message") {
  QueueOptions options = with_timeout(1000);
  options.retry_delay = Duration(500);
  options.retry_jitter = 0;
  OneQueue queue(options);
  queue.join();
  queue.publish_many(2);
  CHECK(queue.tick(Duration(1000)) == "attempt q1.1 #1 failed 1\nattempt q1.1 #2 failed 1\n");
  CHECK(queue.stats().delayed == 2);
  CHECK(queue.settle(1, 1, Outcome::ack) == "settle q1.1 #1\n");
  CHECK(queue.settle(1, 2, Outcome::retry).empty());  // counted already
  CHECK(queue.stats().delayed == 1);
  CHECK(queue.stats().ended_as(End::acked) == 1);
}

TEST_CASE("what takes too long often enough is a dead letter") {
  QueueOptions options = with_timeout(1000);
  options.max_deliveries = 1;
  OneQueue queue(options);
  queue.join();
  queue.publish();
  CHECK(queue.tick(Duration(1000)).find("settle q1.1 #1 dead\n") == 0);
  CHECK(queue.settle(1, 1).empty());
  CHECK(queue.stats().dead == 1);
}

TEST_CASE("a changed ack_timeout is in force at once") {
  OneQueue queue(with_timeout(1000));
  queue.join();
  queue.publish();
  CHECK(queue.set.next_deadline() == queue.now + Duration(1000));
  queue.note(queue.set.update({}, with_timeout(300), queue.now).value());
  CHECK(queue.set.next_deadline() == queue.now + Duration(300));
  CHECK(queue.tick(Duration(300)).find("attempt q1.1 #1 failed 1\n") == 0);
}

TEST_CASE("an ack_timeout set later is in force for what is in flight") {
  OneQueue queue(with_timeout(0));
  queue.join();
  queue.publish();
  CHECK_FALSE(queue.set.next_deadline().has_value());
  queue.note(queue.set.update({}, with_timeout(300), queue.now).value());
  CHECK(queue.tick(Duration(300)).find("attempt q1.1 #1 failed 1\n") == 0);
}

TEST_CASE("a lease that ends before a delayed message is due is not overlooked") {
  QueueOptions options = with_timeout(300);
  options.retry_delay = Duration(5000);
  options.retry_jitter = 0;
  OneQueue queue(options);
  queue.join();
  queue.publish();
  queue.settle(1, 1, Outcome::retry);
  queue.tick(Duration(300));
  CHECK(queue.set.next_deadline() == queue.now + Duration(4700));
  queue.publish();
  CHECK(queue.set.next_deadline() == queue.now + Duration(300));
}

TEST_CASE("settled leases are forgotten, held ones are not") {
  Leases leases;
  Consumer consumer;
  const Duration timeout{100};
  const auto begin = [&](std::uint64_t n) {
    consumer.held.emplace(DeliveryId{n}, Entry{});
    leases.begin(consumer, DeliveryId{n}, Time(Duration(n)), 1);
  };
  begin(1);
  for (std::uint64_t n = 2; n <= 1000; ++n) {
    begin(n);
    consumer.held.erase(DeliveryId{n});  // settled at once
  }
  REQUIRE(leases.first(timeout).has_value());
  CHECK(leases.first(timeout)->delivery == DeliveryId{1});
  consumer.held.clear();
  begin(1001);
  CHECK(leases.first(timeout)->at == Time(Duration(1101)));
  CHECK_FALSE(leases.first(Duration(0)).has_value());
  leases.forget(consumer);
  CHECK_FALSE(leases.first(timeout).has_value());
}

TEST_CASE("leases are renewed, and extended whatever the timeout is") {
  Leases leases;
  Consumer consumer;
  const Duration timeout{100};
  for (std::uint64_t n = 1; n <= 2; ++n) {
    consumer.held.emplace(DeliveryId{n}, Entry{});
    leases.begin(consumer, DeliveryId{n}, Time(Duration(0)), n);
  }
  leases.begin(consumer, DeliveryId{1}, Time(Duration(50)), 2);
  CHECK(leases.first(timeout)->delivery == DeliveryId{2});
  leases.extend(consumer, DeliveryId{2}, Time(Duration(900)));
  CHECK(leases.first(timeout)->at == Time(Duration(150)));
  leases.extend(consumer, DeliveryId{2}, Time(Duration(120)));  // shorter is right as well
  CHECK(leases.first(timeout)->at == Time(Duration(120)));
  CHECK(leases.first(Duration(0))->delivery == DeliveryId{2});
  leases.begin(consumer, DeliveryId{2}, Time(Duration(60)), 2);
  CHECK(leases.first(timeout)->delivery == DeliveryId{1});
  CHECK_FALSE(leases.first(Duration(0)).has_value());
}
