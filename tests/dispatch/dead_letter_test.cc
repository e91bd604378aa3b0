// How messages die, and what becomes of them: dispatch/group.cc, redrive.cc, queue_set_dead.cc.
#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

using namespace dispatch;

namespace {

QueueOptions dies_after(std::uint32_t deliveries) {
  QueueOptions options = jobs();
  options.max_deliveries = deliveries;
  return options;
}

// Queue 2 holds the dead letters of queue 1 here; OneQueue notes what both store.
struct Dying : OneQueue {
  explicit Dying(std::uint32_t deliveries = 1) : OneQueue(dies_after(deliveries)) {}

  std::string subscribe_dead(SessionId session) {
    QueueAddress address;
    address.filter = "jobs/#";
    address.dead = true;
    return note(set.subscribe(session, address, now).value().step);
  }
  // Publishes messages and lets each of them fail once.
  void kill(std::uint64_t count) {
    join();
    for (std::uint64_t i = 1; i <= count; ++i) {
      publish("jobs/" + std::to_string(i));
      settle(1, i, Outcome::retry);
    }
  }
  std::string redrive(std::optional<Offset> offset = {}) {
    return note(set.redrive({}, "jobs", offset, now).value());
  }
};

}  // namespace

TEST_CASE("the last failed delivery moves a message to the dead letters, in one step") {
  for (const std::uint32_t most : {1u, 2u, 3u}) {
    Dying queue(most);
    queue.join();
    queue.publish();
    std::uint64_t delivery = 0;
    while (++delivery < most)
      CHECK(queue.settle(1, delivery, Outcome::retry).find("deliver c1 #1") != std::string::npos);
    CHECK(queue.settle(1, delivery, Outcome::retry) ==
          "settle q1.1 #1 dead\n"
          "define q2 jobs $dead/jobs/#\n"
          "append q2 #1 jobs/a dead: max_deliveries\n");
    CHECK(queue.stats().dead == 1);
    CHECK(queue.stats().ended_as(End::dead) == 1);
    CHECK(queue.stats().ready == 0);
    const auto& letter = queue.stored_dead.back().message->dead_letter;
    REQUIRE(letter.has_value());
    CHECK(letter->attempts == most);
    CHECK(letter->origin == Offset{1});
    CHECK(letter->at == queue.now);
  }
}

TEST_CASE("a lost connection counts: a job that kills its workers ends") {
  Dying queue(2);
  queue.join();
  queue.publish();
  CHECK(queue.close(1) == "attempt q1.1 #1 failed 1\n");
  queue.join();
  CHECK(queue.close(2).find("settle q1.1 #1 dead\n") == 0);
  CHECK(queue.stats().dead == 1);
}

TEST_CASE("max_deliveries 0 tries for ever, and still lets consumers reject") {
  Dying queue(0);
  queue.join();
  queue.publish();
  for (std::uint64_t delivery = 1; delivery <= 100; ++delivery)
    queue.settle(1, delivery, Outcome::retry);
  CHECK(queue.stats().in_flight == 1);
  queue.note(queue.set.settle({1}, {101}, Outcome::reject, queue.now, "no such image"));
  CHECK(queue.stats().dead == 1);
  CHECK(queue.stored_dead.back().message->dead_letter->reason == "rejected: no such image");
  CHECK(queue.stored_dead.back().message->dead_letter->attempts == 101);
}

TEST_CASE("dead letters are consumed like a queue, and have no dead letters themselves") {
  Dying queue;
  queue.kill(2);
  CHECK(queue.subscribe_dead(queue.session()) ==
        "group q2.1 default from #1\nload q2.1 #1 to #3 max 1024\n");
  CHECK(queue.answer() == "deliver c2 #1 now\ndeliver c2 #2 now\n");
  CHECK(queue.settle(2, 3, Outcome::reject) ==
        "attempt q2.1 #1 failed 1\ndeliver c2 #1 attempt 2\n");
  CHECK(queue.settle(2, 4) == "settle q2.1 #2\n");
  CHECK(queue.stats().dead == 1);
  CHECK(queue.stats().consumers == 1);
  CHECK(queue.set.consumers_of("jobs").size() == 2);
  CHECK(queue.set.all_stats(queue.now).size() == 1);
}

TEST_CASE("who waits for dead letters gets them when they come") {
  Dying queue;
  queue.join();
  const auto session = queue.session();
  CHECK(queue.subscribe_dead(session) ==
        "define q2 jobs $dead/jobs/#\ngroup q2.1 default from #1\n");
  CHECK(queue.subscribe_dead(session).empty());
  queue.publish();
  CHECK(queue.settle(1, 1, Outcome::reject) ==
        "settle q1.1 #1 dead\nappend q2 #1 jobs/a dead: rejected\ndeliver c2 #1\n");
}

TEST_CASE("no topic leads to the dead letters") {
  OneQueue queue;
  queue.join();
  queue.publish();
  queue.settle(1, 1, Outcome::reject);
  CHECK(queue.set.route("$dead/jobs/a") == Route::plain);
  QueueOptions options = jobs();
  options.filter = "$dead/jobs/+";
  options.name = "other";
  CHECK_FALSE(queue.set.create({}, options, queue.now).has_value());
}

TEST_CASE("redriven messages begin anew at the end of their queue, in one commit a part") {
  Dying queue;
  queue.kill(3);
  queue.now += Duration(5000);
  CHECK(queue.note(queue.set.redrive({9}, "jobs", {}, queue.now).value()) ==
        "load q2 redrive #1 to #4 max 1024\n");
  CHECK(queue.answer(2) ==
        "settle q2 #1 redriven\nappend q1 #4 jobs/1\n"
        "settle q2 #2 redriven\nappend q1 #5 jobs/2\n"
        "load q2 redrive #3 to #4 max 1024\ndeliver c1 #4\ndeliver c1 #5\n");
  CHECK(queue.answer() == "settle q2 #3 redriven\nappend q1 #6 jobs/3\naccept r9\ndeliver c1 #6\n");
  CHECK(queue.stats().dead == 0);
  CHECK(queue.stored.back().message->stored_at == queue.now);
  CHECK_FALSE(queue.stored.back().message->dead_letter.has_value());
}

TEST_CASE("one dead letter is redriven by its offset") {
  Dying queue;
  queue.kill(3);
  CHECK(queue.redrive(Offset{2}) == "load q2 redrive #2 to #3 max 1024\n");
  CHECK(queue.answer() == "settle q2 #2 redriven\nappend q1 #4 jobs/2\ndeliver c1 #4\n");
  for (const std::uint64_t offset : {0, 2, 4})
    CHECK_FALSE(queue.set.redrive({}, "jobs", Offset{offset}, queue.now).has_value());
  CHECK_FALSE(queue.set.redrive({}, "other", {}, queue.now).has_value());
}

TEST_CASE("redriving nothing is done at once; what is in flight stays") {
  Dying queue;
  CHECK(queue.note(queue.set.redrive({9}, "jobs", {}, queue.now).value()) == "accept r9\n");
  queue.kill(1);
  queue.subscribe_dead(queue.session());
  CHECK(queue.answer() == "deliver c2 #1 now\n");
  CHECK(queue.redrive() == "load q2 redrive #1 to #2 max 1024\n");
  CHECK(queue.answer().empty());
  CHECK(queue.stats().dead == 1);
}

TEST_CASE("a dead value that was replaced meanwhile is not redriven") {
  QueueOptions options = dies_after(1);
  options.last_value = true;
  OneQueue queue(options);
  queue.join();
  queue.publish("jobs/a");
  queue.publish("jobs/b");
  queue.settle(1, 1, Outcome::retry);
  queue.settle(1, 2, Outcome::retry);
  queue.publish("jobs/a");
  queue.note(queue.set.redrive({}, "jobs", {}, queue.now).value());
  CHECK(queue.answer() ==
        "settle q2 #1 superseded\nsettle q2 #2 redriven\nappend q1 #4 jobs/b key jobs/b\n"
        "deliver c1 #4\n");
}

TEST_CASE("a value that is rejected after it was replaced is dropped") {
  QueueOptions options = jobs();
  options.last_value = true;
  OneQueue queue(options);
  queue.join();
  queue.publish();
  queue.publish();
  CHECK(queue.settle(1, 1, Outcome::reject) == "deliver c1 #2\n");
  CHECK(queue.stats().dead == 0);
}

TEST_CASE("purging ends all that is not in flight") {
  SessionLimits two;
  two.receive_maximum = 2;
  QueueOptions options = jobs();
  options.retry_delay = Duration(1000);
  OneQueue queue(options);
  queue.publish_many(100);
  queue.join(two);
  CHECK(queue.settle(1, 1, Outcome::retry).find("deliver c1 #3") != std::string::npos);
  CHECK(queue.note(queue.set.purge({9}, "jobs", queue.now).value())
            .find("settle q1 #1 purged\nsettle q1 #4-100 purged\naccept r9\n") == 0);
  CHECK(queue.stats().ready == 0);
  CHECK(queue.stats().delayed == 0);
  CHECK(queue.stats().in_flight == 2);
  CHECK(queue.stats().ended_as(End::purged) == 98);
  while (!queue.loads.empty()) CHECK(queue.answer().empty());
  CHECK(queue.tick(Duration(1000)).empty());
  CHECK(queue.publish().empty() == false);
  CHECK(queue.settle(1, 2).find("deliver c1 #101") != std::string::npos);
  CHECK_FALSE(queue.set.purge({}, "other", queue.now).has_value());
}

TEST_CASE("dead letters are purged apart from the queue") {
  Dying queue;
  queue.kill(3);
  queue.publish();
  CHECK(queue.note(queue.set.purge_dead({}, "jobs", queue.now).value()) ==
        "settle q2 #1-3 purged\n");
  CHECK(queue.stats().dead == 0);
  CHECK(queue.stats().in_flight == 1);
  CHECK(queue.note(queue.set.purge_dead({}, "jobs", queue.now).value()).empty());
}

TEST_CASE("dead letters survive a restart and are found again") {
  Dying queue;
  queue.kill(2);
  CHECK(queue.restart().empty());
  CHECK(queue.stats().dead == 2);
  CHECK(queue.subscribe_dead(queue.session()) ==
        "group q2.1 default from #1\nload q2.1 #1 to #3 max 1024\n");
  CHECK(queue.answer() == "deliver c1 #1 now\ndeliver c1 #2 now\n");
}

TEST_CASE("changed options reach the dead letters, and a deleted queue takes them along") {
  Dying queue;
  queue.kill(1);
  QueueOptions options = queue.stats().options;
  options.max_inflight = 5;
  queue.set.update({}, options, queue.now).value();
  CHECK(queue.set.options_of({2})->max_inflight == 5);
  CHECK(queue.set.options_of({2})->max_deliveries == 0);
  CHECK(queue.note(queue.set.remove({}, "jobs", queue.now).value()) == "delete q2\ndelete q1\n");
  CHECK(queue.set.states().queues.empty());
}
