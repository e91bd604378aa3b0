#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

namespace dispatch {
namespace {

std::string subscribe(OneQueue& queue, const std::string& group) {
  QueueAddress address;
  address.group = group;
  address.filter = "jobs/#";
  return queue.note(queue.set.subscribe(queue.session(), address, queue.now).value().step);
}

// Everything that is asked for from the journal is answered.
std::string settle_down(OneQueue& queue) {
  std::string text;
  while (!queue.loads.empty()) text += queue.answer();
  return text;
}

TEST_CASE("a group comes into being with its first consumer and begins at the oldest message") {
  OneQueue queue;
  queue.publish_many(2);
  queue.commit();
  CHECK(subscribe(queue, "audit") == "group q1.2 audit from #1\nload q1.2 #1 to #3 max 1024\n");
  CHECK(queue.answer() == "deliver c1 #1 now\ndeliver c1 #2 now\n");
  CHECK(subscribe(queue, "audit").empty());
}

TEST_CASE("each group gets everything, and a message goes when all of them have settled it") {
  OneQueue queue;
  subscribe(queue, "a");
  subscribe(queue, "b");
  CHECK(queue.set.delete_group({}, "jobs", "default", queue.now).has_value());
  CHECK(queue.publish() == "append q1 #1 jobs/a\ndeliver c1 #1\ndeliver c2 #1\n");
  CHECK(queue.settle(1, 1) == "settle q1.2 #1\n");
  CHECK(queue.stats().kept == 1);
  CHECK(queue.settle(2, 2) == "settle q1.3 #1\n");
  CHECK(queue.stats().kept == 0);
  CHECK(queue.stats().bytes == 0);
  CHECK(queue.stats().ended_as(End::acked) == 2);
  CHECK(queue.set.states().queues.at({1}).first_kept() == Offset{2});
}

TEST_CASE("while there is no group everything is kept") {
  OneQueue queue;
  CHECK(queue.set.delete_group({}, "jobs", "default", queue.now).has_value());
  queue.publish_many(3);
  CHECK(queue.stats().ready == 3);
  subscribe(queue, "late");
  CHECK(settle_down(queue) == "deliver c1 #1 now\ndeliver c1 #2 now\ndeliver c1 #3 now\n");
}

TEST_CASE("a dead letter of one group is still the others' message") {
  QueueOptions options = jobs();
  options.max_deliveries = 1;
  OneQueue queue(options);
  subscribe(queue, "a");
  subscribe(queue, "b");
  queue.publish();
  queue.settle(1, 1, Outcome::retry);
  CHECK(queue.stats().dead == 1);
  CHECK(queue.stats().kept == 1);
  CHECK(queue.settle(2, 2) == "settle q1.3 #1\n");
}

TEST_CASE("what only a deleted group needed goes, with its bytes") {
  OneQueue queue;
  queue.join();
  subscribe(queue, "slow");
  queue.publish_many(3);
  for (std::uint64_t delivery : {1, 3, 5}) queue.settle(1, delivery);
  queue.close(2);
  CHECK(queue.stats().kept == 3);
  CHECK(queue.set.delete_group({}, "jobs", "default", queue.now).error().kind ==
        ErrorKind::exists);  // it has a consumer
  CHECK(queue.set.delete_group({}, "jobs", "none", queue.now).error().kind == ErrorKind::not_found);
  CHECK(queue.note(queue.set.delete_group({9}, "jobs", "slow", queue.now).value()) ==
        "delete q1.2\nload q1 sweep #1 to #4 max 1024\naccept r9\n");
  CHECK(queue.answer() == "settle q1 #1 unneeded\nsettle q1 #2 unneeded\nsettle q1 #3 unneeded\n");
  CHECK(queue.stats().kept == 0);
  CHECK(queue.stats().bytes == 0);
  CHECK(queue.stats().ended_as(End::acked) == 3);
}

TEST_CASE("seek moves a group back to what is kept, and forward") {
  OneQueue queue;
  queue.join();
  subscribe(queue, "keeps");  // holds everything
  queue.publish_many(3);
  for (std::uint64_t delivery : {1, 3, 5}) queue.settle(1, delivery);
  queue.note(queue.set.seek({}, "jobs", "default", Offset{2}, queue.now).value());
  CHECK(settle_down(queue) == "deliver c1 #2 now\ndeliver c1 #3 now\n");
  CHECK(queue.set.seek({}, "jobs", "default", Offset{100}, queue.now).has_value());
  settle_down(queue);
  CHECK(queue.publish().find("deliver c1 #4") != std::string::npos);
  CHECK(queue.set.seek({}, "jobs", "none", Offset{1}, queue.now).error().kind ==
        ErrorKind::not_found);
}

TEST_CASE("an idle group expires, one with consumers does not") {
  QueueOptions options = jobs();
  options.group_expiry = Duration(1000);
  OneQueue queue(options);
  queue.join();
  subscribe(queue, "gone");
  CHECK(queue.tick(Duration(5000)).empty());
  queue.close(2, Leave::orderly);
  CHECK(queue.tick(Duration(999)).empty());
  CHECK(queue.tick(Duration(1)) == "delete q1.2\n");
  CHECK(queue.stats().groups.size() == 1);
}

TEST_CASE("the newest value of each key is there for a group that comes later") {
  QueueOptions options = jobs();
  options.last_value = true;
  OneQueue queue(options);
  queue.join();
  queue.publish("jobs/a", "old");
  queue.publish("jobs/b", "b");
  queue.settle(1, 1);
  queue.settle(1, 2);
  queue.publish("jobs/a", "new");
  queue.settle(1, 3);
  CHECK(queue.stats().ready == 0);
  subscribe(queue, "later");
  CHECK(settle_down(queue) == "deliver c2 #2 now\ndeliver c2 #3 now\n");
  CHECK(queue.stats().kept == 2);
}

TEST_CASE("a queue has 256 groups at most") {
  OneQueue queue;  // with one
  for (int i = 1; i < 256; ++i)
    CHECK(
        queue.set.add_group({}, "jobs", "g" + std::to_string(i), Offset{1}, queue.now).has_value());
  CHECK(queue.set.add_group({}, "jobs", "more", Offset{1}, queue.now).error().kind ==
        ErrorKind::full);
  CHECK(queue.set.add_group({}, "jobs", "g1", Offset{1}, queue.now).error().kind ==
        ErrorKind::exists);
  CHECK(queue.set.add_group({}, "jobs", "a/b", Offset{1}, queue.now).error().kind ==
        ErrorKind::invalid);
}

TEST_CASE("a consumer may wait for its queue, and finds it again after it was deleted") {
  QueueSet set(1, {});
  set.open_session({1}, {});
  QueueAddress address;
  address.filter = "jobs/#";
  CHECK_FALSE(set.subscribe({1}, address, {}).has_value());
  const auto waiting = set.subscribe({1}, address, {}, IfMissing::wait);
  CHECK(waiting.value().step.empty());
  CHECK(set.settle({1}, {1}, Outcome::ack, {}).empty());
  const auto publish = [&] {
    auto message = std::make_shared<Message>();
    message->topic = "jobs/a";
    return to_text(set.publish({}, message, {}).value());
  };
  set.create({}, jobs(), {});
  CHECK(publish() == "append q1 #1 jobs/a\ndeliver c1 #1\n");
  set.remove({}, "jobs", {});
  set.free_slot({1}, {});
  set.create({}, jobs(), {});
  CHECK(publish() == "append q2 #1 jobs/a\ndeliver c1 #1\n");
  CHECK(to_text(set.unsubscribe({1}, {})).empty());
}

TEST_CASE("exclusive: one consumer at a time, the next in line takes over") {
  QueueOptions options = jobs();
  options.dispatch = Strategy::exclusive;
  options.max_inflight = 2;
  OneQueue queue(options);
  queue.join();
  queue.join();
  CHECK(queue.publish() == "append q1 #1 jobs/a\ndeliver c1 #1\n");
  queue.publish();
  CHECK(queue.publish() == "append q1 #3 jobs/a\n");  // full, and nobody else is asked
  CHECK(queue.settle(1, 1) == "settle q1.1 #1\ndeliver c1 #3\n");
  CHECK(queue.close(1, Leave::orderly) == "deliver c2 #2\ndeliver c2 #3\n");
}

}  // namespace
}  // namespace dispatch
