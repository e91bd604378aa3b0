#include "dispatch/queue_set.h"

#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

using namespace dispatch;

namespace {

QueueOptions named(const std::string& name, const std::string& filter, Mode mode = Mode::divert) {
  QueueOptions options = jobs();
  options.name = name, options.filter = filter, options.mode = mode;
  return options;
}

std::string created(QueueSet& set, const QueueOptions& options) {
  const auto step = set.create({7}, options, Time{});
  return step ? to_text(*step) : step.error().text;
}

MessageRef message(const std::string& topic) {
  auto made = std::make_shared<Message>();
  made->topic = topic;
  return made;
}

}  // namespace

TEST_CASE("a definition is written before it is accepted") {
  QueueSet set(1, {});
  CHECK(created(set, named("a", "x/#")) == "define q1 a x/#\naccept r7\n");
  CHECK(set.name_of_filter("x/#") == "a");
  CHECK(set.name_of_filter("x/y").empty());
}

TEST_CASE("names and filters are unique, and the error names the other queue") {
  QueueSet set(1, {});
  created(set, named("a", "x/#"));
  CHECK(created(set, named("a", "y")) == "queue 'a' exists already");
  CHECK(created(set, named("b", "x/#")) == "queue 'b': filter 'x/#' belongs to queue 'a' already");
  CHECK(set.create({}, named("b", "x/#"), {}).error().kind == ErrorKind::exists);
  CHECK(set.create({}, named("b", "x/#/y"), {}).error().kind == ErrorKind::invalid);
}

TEST_CASE("a message goes to every matching queue in one commit and is accepted once") {
  QueueSet set(1, {});
  created(set, named("all", "#", Mode::copy));
  created(set, named("images", "images/+"));
  CHECK(to_text(set.publish({5}, message("images/1"), {}).value()) ==
        "append q1 #1 images/1\nappend q2 #1 images/1\naccept r5\n");
  CHECK(to_text(set.publish({}, message("other"), {}).value()) == "append q1 #2 other\n");
}

TEST_CASE("a topic is diverted if any of its queues diverts") {
  QueueSet set(1, {});
  CHECK(set.route("images/1") == Route::plain);
  created(set, named("all", "#", Mode::copy));
  CHECK(set.route("images/1") == Route::copy);
  created(set, named("images", "images/+"));
  CHECK(set.route("images/1") == Route::divert);
  CHECK(set.route("$SYS/x") == Route::plain);
  CHECK(set.publish({}, message("$SYS/x"), {}).error().kind == ErrorKind::not_found);
  REQUIRE(set.remove({}, "images", {}).has_value());
  CHECK(set.route("images/1") == Route::copy);
}

TEST_CASE("options change while the queue lives, but not what decides where messages are") {
  OneQueue queue;
  QueueOptions options = jobs();
  options.mode = Mode::copy;
  CHECK(to_text(queue.set.update({4}, options, {}).value()) ==
        "define q1 jobs jobs/#\naccept r4\n");
  CHECK(queue.set.route("jobs/a") == Route::copy);
  QueueOptions moved = options;
  moved.filter = "jobs/+";
  CHECK(queue.set.update({}, moved, {}).error().kind == ErrorKind::invalid);
  QueueOptions keyed = options;
  keyed.last_value = true;
  CHECK(queue.set.update({}, keyed, {}).error().kind == ErrorKind::invalid);
  options.name = "other";
  CHECK(queue.set.update({}, options, {}).error().kind == ErrorKind::not_found);
}

TEST_CASE("a removed queue is gone with its consumers, and its id does not come back") {
  OneQueue queue;
  queue.join();
  queue.publish();
  CHECK(queue.set.consumers_of("jobs") == std::vector{ConsumerId{1}});
  CHECK(to_text(queue.set.remove({3}, "jobs", {}).value()) == "delete q1\naccept r3\n");
  CHECK(queue.set.consumers_of("jobs").empty());
  CHECK_FALSE(queue.set.stats("jobs", {}).has_value());
  CHECK(to_text(queue.set.settle({1}, {1}, Outcome::ack, {})).empty());
  CHECK(to_text(queue.set.unsubscribe({1}, {})).empty());
  CHECK(queue.free_slot(1).empty());
  CHECK(queue.set.remove({}, "jobs", {}).error().kind == ErrorKind::not_found);

  auto states = queue.set.states();
  QueueSet again(1, {});
  again.restore(std::move(states), {});
  CHECK(created(again, jobs()).starts_with("define q2 jobs"));
}

TEST_CASE("subscribing twice on one session gives the same consumer") {
  OneQueue queue;
  const auto session = queue.session();
  QueueAddress address;
  address.filter = "jobs/#";
  const auto first = queue.set.subscribe(session, address, {}).value().consumer;
  CHECK(queue.set.subscribe(session, address, {}).value().consumer == first);
  CHECK(queue.stats().consumers == 1);
  CHECK(queue.set.subscribe(queue.session(), address, {}).value().consumer != first);
}

TEST_CASE("no such queue") {
  OneQueue queue;
  const auto session = queue.session();
  CHECK(queue.set.subscribe(session, {"default", "jobs/+"}, {}).error().kind ==
        ErrorKind::not_found);
}

TEST_CASE("closing a session gives back what all its consumers hold, and sends it nothing more") {
  OneQueue queue;
  const auto session = queue.session();
  queue.subscribe(session);
  queue.publish();
  CHECK(queue.close(1) == "attempt q1.1 #1 failed 1\n");
  CHECK(queue.close(1).empty());
  CHECK(queue.free_slot(1).empty());
  CHECK(queue.note(queue.set.set_writable(session, true, {})).empty());
  CHECK(queue.note(queue.set.set_plain_in_flight(session, 0, {})).empty());
}

TEST_CASE("all_stats comes sorted by name") {
  QueueSet set(1, {});
  for (const char* name : {"b", "c", "a"}) created(set, named(name, name));
  const auto all = set.all_stats({});
  REQUIRE(all.size() == 3);
  CHECK(all[0].options.name == "a");
  CHECK(all[2].options.name == "c");
}

TEST_CASE("nothing is due before something can wait for time") {
  OneQueue queue;
  queue.publish();
  CHECK_FALSE(queue.set.next_deadline().has_value());
  CHECK(queue.set.tick(queue.now).empty());
}

TEST_CASE("remembered topics are bounded and stay right") {
  QueueSet set(1, {});
  created(set, named("even", "+/even"));
  for (int i = 0; i < 40'000; ++i) {
    const std::string topic = std::to_string(i) + (i % 2 == 0 ? "/even" : "/odd");
    REQUIRE(set.route(topic) == (i % 2 == 0 ? Route::divert : Route::plain));
  }
  const std::string level(300, 'x');
  CHECK(set.route(level + "/even") == Route::divert);
  CHECK(set.route(level + "/odd") == Route::plain);
}
