#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

namespace dispatch {
namespace {

QueueOptions limited(std::uint64_t messages, Overflow overflow, std::uint64_t bytes = 0) {
  QueueOptions options = jobs();
  options.max_messages = messages;
  options.max_bytes = bytes;
  options.overflow = overflow;
  return options;
}

MessageRef message(const OneQueue& queue, const std::string& payload = "",
                   std::optional<std::uint32_t> expiry_s = {}) {
  auto made = std::make_shared<Message>();
  made->topic = "jobs/a";
  made->payload = payload;
  made->stored_at = queue.now;
  made->properties.message_expiry_s = expiry_s;
  return made;
}

Result<Step> publish(OneQueue& queue, std::uint64_t request, MessageRef what,
                     SessionId publisher = {}) {
  return queue.set.publish({request}, std::move(what), queue.now, publisher);
}

TEST_CASE("max_messages is exact: max-1, max, and no more until one has gone") {
  OneQueue queue(limited(3, Overflow::reject));
  queue.publish_many(2);
  CHECK(publish(queue, 0, message(queue)).has_value());
  const auto refused = publish(queue, 0, message(queue));
  CHECK(refused.error().kind == ErrorKind::full);
  CHECK(refused.error().text == "queue 'jobs' is full");
  CHECK(queue.stats().kept == 3);
  CHECK(queue.stats().refused_total == 1);
  queue.join();
  CHECK_FALSE(publish(queue, 0, message(queue)).has_value());  // in flight counts
  queue.settle(1, 1);
  CHECK(publish(queue, 0, message(queue)).has_value());
  CHECK_FALSE(publish(queue, 0, message(queue)).has_value());
}

TEST_CASE("max_bytes is exact") {
  const std::uint64_t one = message(OneQueue(), "12345")->size_bytes();
  OneQueue queue(limited(0, Overflow::reject, 2 * one));
  CHECK(publish(queue, 0, message(queue, "12345")).has_value());
  CHECK_FALSE(publish(queue, 0, message(queue, "123456")).has_value());
  CHECK(publish(queue, 0, message(queue, "12345")).has_value());
  CHECK(queue.stats().bytes == 2 * one);
  CHECK_FALSE(publish(queue, 0, message(queue, "")).has_value());
}

TEST_CASE("a newer value needs room only for what it is larger") {
  QueueOptions options = limited(2, Overflow::reject);
  options.last_value = true;
  OneQueue queue(options);
  queue.publish("jobs/a");
  queue.publish("jobs/b");
  queue.publish("jobs/a");
  CHECK(queue.stats().kept == 2);
  auto other = std::make_shared<Message>();
  other->topic = "jobs/c";
  CHECK_FALSE(publish(queue, 0, other).has_value());
}

TEST_CASE("drop_oldest makes room, but not of what is in flight") {
  OneQueue queue(limited(2, Overflow::drop_oldest));
  queue.publish_many(2);
  CHECK(queue.publish() == "append q1 #3 jobs/a\nsettle q1 #1 dropped\n");
  CHECK(queue.stats().ended_as(End::dropped) == 1);
  queue.commit();
  queue.join({1, 0xFFFFFFFF});
  CHECK(queue.stats().in_flight == 1);
  CHECK(queue.publish() == "append q1 #4 jobs/a\nsettle q1 #3 dropped\n");
  CHECK(queue.settle(1, 1) == "settle q1.1 #2\ndeliver c1 #4\n");
}

TEST_CASE("after a restart the oldest are looked up before one is dropped") {
  OneQueue queue(limited(2, Overflow::drop_oldest));
  queue.publish_many(2);
  queue.restart();
  CHECK(queue.publish() ==
        "append q1 #3 jobs/a\nload q1 head #1 to #4 max 256\n"
        "load q1.1 #1 to #4 max 64\n");
  CHECK(queue.answer() == "settle q1 #1 dropped\n");
}

TEST_CASE("who has to go is looked up behind what is in flight") {
  OneQueue queue(limited(3, Overflow::drop_oldest));
  queue.publish_many(3);
  queue.restart();
  queue.join({1, 0xFFFFFFFF});
  CHECK(queue.answer() == "deliver c1 #1 now\n");
  const std::string published = queue.publish();
  CHECK(published.find("load q1 head #1 to #5") != std::string::npos);
  // The journal may stop anywhere.
  CHECK(queue.answer(1) == "load q1 head #2 to #5 max 256\n");
  CHECK(queue.answer() == "settle q1 #2 dropped\n");
  CHECK(queue.stats().kept == 3);
}

TEST_CASE("what is dropped or expires can become a dead letter") {
  QueueOptions options = limited(1, Overflow::drop_oldest);
  options.dead_on_drop = options.dead_on_expiry = true;
  OneQueue queue(options);
  queue.publish();
  CHECK(queue.publish().find("dead: dropped") != std::string::npos);
  CHECK(queue.stats().dead == 1);
  OneQueue other(options);
  other.note(publish(other, 0, message(other, "x", 1)).value());
  CHECK(other.tick(Duration(1000)).find("dead: expired") != std::string::npos);
}

TEST_CASE("block: the answer comes when there is room, first come, first served") {
  OneQueue queue(limited(1, Overflow::block));
  queue.join();
  queue.publish();
  CHECK(queue.note(publish(queue, 5, message(queue, "first")).value()).empty());
  CHECK(queue.note(publish(queue, 6, message(queue, "second")).value()).empty());
  CHECK(publish(queue, 0, message(queue)).error().kind == ErrorKind::full);  // nobody waits
  CHECK(queue.settle(1, 1) == "settle q1.1 #1\nappend q1 #2 jobs/a\naccept r5\ndeliver c1 #2\n");
  CHECK(queue.stats().kept == 1);
  CHECK(queue.settle(1, 2) == "settle q1.1 #2\nappend q1 #3 jobs/a\naccept r6\ndeliver c1 #3\n");
  CHECK(queue.settle(1, 3) == "settle q1.1 #3\n");
}

// An older value must not be handed out of a step that stores a newer one of its key.
TEST_CASE("block: of values that get room together, the newest of a key is delivered") {
  QueueOptions options = limited(1, Overflow::block);
  options.last_value = true;
  OneQueue queue(options);
  queue.join();
  queue.publish("jobs/a");
  for (const std::uint64_t request : {5, 6, 7}) {
    auto value = std::make_shared<Message>();
    value->topic = "jobs/b";
    CHECK(queue.note(publish(queue, request, std::move(value)).value()).empty());
  }
  options.max_messages = 2;
  const auto text = queue.note(queue.set.update({}, options, queue.now).value());
  CHECK(text.substr(text.find("append")) ==
        "append q1 #2 jobs/b key jobs/b\nappend q1 #3 jobs/b key jobs/b\n"
        "append q1 #4 jobs/b key jobs/b\naccept r5\naccept r6\naccept r7\ndeliver c1 #4\n");
  CHECK(queue.stats().ended_as(End::superseded) == 2);
}

TEST_CASE("block: whoever goes, or whose queue goes, is refused") {
  OneQueue queue(limited(1, Overflow::block));
  queue.publish();
  const auto session = queue.session();
  queue.note(publish(queue, 5, message(queue), session).value());
  CHECK(queue.close(session.value) == "refuse r5 its publisher has gone\n");
  queue.note(publish(queue, 6, message(queue)).value());
  CHECK(to_text(queue.set.remove({}, "jobs", queue.now).value()) ==
        "delete q1\nrefuse r6 the queue was deleted\n");
}

TEST_CASE("block: a raised limit lets publishes in") {
  QueueOptions options = limited(1, Overflow::block);
  OneQueue queue(options);
  queue.publish();
  queue.note(publish(queue, 5, message(queue)).value());
  options.max_messages = 2;
  CHECK(queue.note(queue.set.update({}, options, queue.now).value())
            .find("append q1 #2 jobs/a\naccept r5\n") != std::string::npos);
}

TEST_CASE("retention ends what is old enough, whether or not anybody consumes") {
  QueueOptions options = jobs();
  options.retention = Duration(1000);
  OneQueue queue(options);
  queue.publish();
  queue.now += Duration(500);
  queue.publish();
  CHECK(queue.tick(Duration(499)).empty());
  CHECK(queue.tick(Duration(1)) == "load q1 head #1 to #3 max 256\n");
  CHECK(queue.answer() == "settle q1 #1 retired\n");
  CHECK(queue.stats().kept == 1);
  CHECK(queue.set.next_deadline() == queue.now + Duration(500));
}

TEST_CASE("what is in flight is not retired under its consumer's hands") {
  QueueOptions options = jobs();
  options.retention = Duration(1000);
  OneQueue queue(options);
  queue.join();
  queue.publish();
  queue.tick(Duration(1000));
  CHECK(queue.answer().empty());
  CHECK(queue.settle(1, 1) == "settle q1.1 #1\n");
}

TEST_CASE("an expired message is not delivered") {
  OneQueue queue;
  queue.note(publish(queue, 0, message(queue, "x", 10)).value());
  queue.publish();
  queue.now += Duration(10'000);
  CHECK(queue.join() == "settle q1 #1 expired\ndeliver c1 #2\n");
  CHECK(queue.stats().ended_as(End::expired) == 1);
}

TEST_CASE("a paused queue refuses publishes, or hands nothing out") {
  QueueOptions options = jobs();
  OneQueue queue(options);
  queue.join();
  options.pause_producing = true;
  queue.set.update({}, options, queue.now).value();
  CHECK(publish(queue, 1, message(queue)).error().text == "queue 'jobs' is paused for producers");
  options.pause_producing = false;
  options.pause_consuming = true;
  queue.set.update({}, options, queue.now).value();
  CHECK(queue.publish() == "append q1 #1 jobs/a\n");
  options.pause_consuming = false;
  CHECK(queue.note(queue.set.update({}, options, queue.now).value()) ==
        "define q1 jobs jobs/#\ndeliver c1 #1\n");
}

TEST_CASE("a message without the key it needs is refused") {
  QueueOptions options = jobs();
  options.last_value = true;
  options.key = {"payload:/id"};
  options.key_missing = KeyMissing::reject;
  OneQueue queue(options);
  CHECK(publish(queue, 1, message(queue, R"({"id": 7})")).has_value());
  CHECK(publish(queue, 1, message(queue, R"({"id": null})")).error().kind == ErrorKind::unfit);
  CHECK(publish(queue, 1, message(queue, "no JSON")).error().kind == ErrorKind::unfit);
}

}  // namespace
}  // namespace dispatch
