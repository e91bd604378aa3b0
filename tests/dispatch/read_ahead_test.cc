// What a group keeps in memory of a backlog: the reading ahead in dispatch/group.cc.
#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

using namespace dispatch;

namespace {

constexpr CoreLimits kSmall{.window_messages = 4, .window_bytes = 1000};

OneQueue with_backlog(int messages) {
  OneQueue queue(jobs(), kSmall);
  queue.publish_many(messages);
  queue.commit();
  return queue;
}

}  // namespace

TEST_CASE("a backlog stays on disk and is read as it is worked off") {
  OneQueue queue = with_backlog(10);
  CHECK(queue.loads.empty());  // #1 to #4 are in memory still
  QueueOptions options;
  CHECK(queue.join() ==
        "deliver c1 #1 now\ndeliver c1 #2 now\ndeliver c1 #3 now\ndeliver c1 #4 now\n"
        "load q1.1 #5 to #11 max 4\n");
  CHECK(queue.answer(2) == "deliver c1 #5 now\ndeliver c1 #6 now\nload q1.1 #7 to #11 max 4\n");
  CHECK(queue.answer() ==
        "deliver c1 #7 now\ndeliver c1 #8 now\ndeliver c1 #9 now\ndeliver c1 #10 now\n");
  CHECK(queue.publish() == "append q1 #11 jobs/a\ndeliver c1 #11\n");
}

TEST_CASE("one Load at a time, and what is published meanwhile is read later") {
  OneQueue queue = with_backlog(6);
  queue.join();
  REQUIRE(queue.loads.size() == 1);
  CHECK(queue.publish() == "append q1 #7 jobs/a\n");
  CHECK(queue.answer() == "deliver c1 #5 now\ndeliver c1 #6 now\nload q1.1 #7 to #8 max 4\n");
  CHECK(queue.answer() == "deliver c1 #7 now\n");
}

TEST_CASE("what the journal has lost is settled, counted and not waited for") {
  OneQueue queue = with_backlog(8);
  queue.join();
  std::erase_if(queue.stored, [](const StoredMessage& m) { return m.offset == Offset{6}; });
  CHECK(queue.answer() ==
        "settle q1 #6 lost\ndeliver c1 #5 now\ndeliver c1 #7 now\ndeliver c1 #8 now\n");
  CHECK(queue.stats().ended_as(End::lost) == 1);

  OneQueue empty = with_backlog(6);
  empty.join();
  empty.stored.clear();
  CHECK(empty.answer() == "settle q1 #5 lost\nsettle q1 #6 lost\n");
  CHECK(empty.stats().ended_as(End::lost) == 2);
  CHECK(empty.stats().ended_as(End::acked) == 0);
}

TEST_CASE("answers nobody waits for are ignored") {
  OneQueue queue = with_backlog(6);
  queue.join();
  const Load load = queue.loads.at(0);
  queue.answer();
  CHECK(to_text(queue.set.loaded(load, queue.stored, queue.now)).empty());
  CHECK(to_text(queue.set.loaded(Load{{9}, Reader::group, {1}, {1}, {2}, 1, 1}, queue.stored,
                                 queue.now))
            .empty());
  CHECK(to_text(queue.set.loaded(Load{{1}, Reader::group, {9}, {1}, {2}, 1, 1}, queue.stored,
                                 queue.now))
            .empty());
}

TEST_CASE("a message larger than the window is taken alone") {
  OneQueue queue(jobs(), kSmall);
  queue.publish("jobs/a", std::string(5000, 'x'));
  queue.publish("jobs/b", std::string(5000, 'x'));
  CHECK(queue.stats().ready_bytes_loaded == 5006);
  CHECK(queue.join() == "deliver c1 #1\nload q1.1 #2 to #3 max 4\n");
  CHECK(queue.answer() == "deliver c1 #2 now\n");
}

TEST_CASE("an idle queue keeps 64 messages and 256 KiB") {
  OneQueue queue;
  queue.publish_many(1000);
  CHECK(queue.stats().ready_bytes_loaded == 64 * 6);

  OneQueue large;
  for (int i = 0; i < 10; ++i) large.publish("jobs/a", std::string(100 * 1024, 'x'));
  CHECK(large.stats().ready_bytes_loaded == 2 * (100 * 1024 + 6));
}

TEST_CASE("when the last consumer leaves the window shrinks to the head, and nothing is missed") {
  QueueOptions options = jobs();
  options.max_inflight = 1;
  OneQueue queue(options);
  queue.join();
  queue.publish_many(200);
  CHECK(queue.stats().ready_bytes_loaded == 199 * 6);
  CHECK(queue.close(1, Leave::orderly).empty());
  CHECK(queue.stats().ready_bytes_loaded == 64 * 6);
  queue.commit();
  CHECK(queue.join() == "deliver c2 #1 now\nload q1.1 #65 to #201 max 961\n");
  queue.answer();
  for (std::uint64_t delivery = 2; delivery <= 201; ++delivery) queue.settle(2, delivery);
  CHECK(queue.stats().ended_as(End::acked) == 200);
  CHECK(queue.stats().ready == 0);
}
