#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "doctest/doctest.h"

#include "dispatch/queue_set.h"
#include "dispatch/topic.h"

using namespace dispatch;

namespace {

QueueOptions lights() {
  QueueOptions options;
  options.name = "lights";
  options.filter = "lights/+/commands";
  options.per_topic = true;
  options.mailbox_idle = Duration(1000);
  options.metadata = false;
  options.retry_delay = Duration(0);
  options.ack_timeout = Duration(0);
  options.retention = Duration(0);
  return options;
}

QueueOptions lights_like(const std::string& name, const std::string& filter) {
  QueueOptions options = lights();
  options.name = name;
  options.filter = filter;
  return options;
}

// Queue 1 is the template; mailboxes come after it. Ids count from 1, as in one_queue.h.
struct Lights {
  explicit Lights(const QueueOptions& options = lights()) : set(1, {}) {
    set.create({}, options, now).value();
  }

  static std::string topic(const std::string& light) { return "lights/" + light + "/commands"; }
  Result<Step> try_publish(const std::string& light, const std::string& payload = "",
                           RequestId request = {}) {
    auto message = std::make_shared<Message>();
    message->topic = topic(light);
    message->payload = payload;
    message->stored_at = now;
    return set.publish(request, message, now);
  }
  // What the journal would do is done at once: it keeps messages, and answers each Load.
  std::string note(const Step& step) {
    for (const auto& write : step.writes)
      if (const auto* append = std::get_if<Append>(&write))
        stored[append->queue].push_back({append->offset, append->message});
    Step rest = step;
    std::erase_if(rest.actions, [](const auto& a) { return std::holds_alternative<Load>(a); });
    std::string text = to_text(rest);
    for (const auto& action : step.actions)
      if (const auto* load = std::get_if<Load>(&action)) {
        std::vector<StoredMessage> found;
        for (const auto& message : stored[load->queue])
          if (message.offset >= load->from && message.offset < load->end) found.push_back(message);
        text += note(set.loaded(*load, found, now));
      }
    return text;
  }
  std::string publish(const std::string& light, const std::string& payload = "") {
    return note(try_publish(light, payload).value());
  }
  SessionId session() {
    const SessionId id{++last_session};
    set.open_session(id, {});
    return id;
  }
  Result<QueueSet::Subscribed> try_subscribe(const QueueAddress& address,
                                             IfMissing missing = IfMissing::refuse) {
    return set.subscribe(session(), address, now, missing);
  }
  std::string subscribe(const std::string& filter, const std::string& group = "default") {
    QueueAddress address;
    address.filter = filter;
    address.group = group;
    return note(try_subscribe(address).value().step);
  }
  std::string join(const std::string& light) { return subscribe(topic(light)); }
  std::string ack(std::uint64_t consumer, std::uint64_t delivery, Outcome outcome = Outcome::ack) {
    return note(set.settle({consumer}, {delivery}, outcome, now));
  }
  std::string leave(std::uint64_t consumer) { return note(set.unsubscribe({consumer}, now)); }
  std::string tick(Duration later) {
    now += later;
    return note(set.tick(now));
  }
  std::string restart() {
    auto states = set.states();
    set = QueueSet(1, {});
    return note(set.restore(std::move(states), now));
  }
  QueueStats stats(const std::string& name = "lights") { return set.stats(name, now).value(); }
  std::size_t mailboxes() { return stats().mailboxes; }

  QueueSet set;
  Time now{};
  std::uint64_t last_session = 0;
  std::map<QueueId, std::vector<StoredMessage>> stored;
};

}  // namespace

TEST_CASE("the first publish of a topic makes its mailbox, in the same step") {
  Lights lights;
  CHECK(lights.publish("a") ==
        "mailbox q2 of q1 lights/a/commands\n"
        "append q2 #1 lights/a/commands\n");
  CHECK(lights.publish("b") ==
        "mailbox q3 of q1 lights/b/commands\n"
        "append q3 #1 lights/b/commands\n");
  CHECK(lights.publish("a") == "append q2 #2 lights/a/commands\n");
  CHECK(lights.mailboxes() == 2);
}

TEST_CASE("a consumer of a topic gets the messages of that topic alone") {
  Lights lights;
  lights.publish("a");
  lights.publish("b");
  CHECK(lights.join("a") ==
        "group q2.1 default from #1\n"
        "deliver c1 #1 now\n");
  CHECK(lights.publish("b") == "append q3 #2 lights/b/commands\n");
  CHECK(lights.ack(1, 1) == "settle q2.1 #1\n");
}

TEST_CASE("the first subscription of a topic makes its mailbox") {
  Lights lights;
  CHECK(lights.join("a") ==
        "mailbox q2 of q1 lights/a/commands\n"
        "group q2.1 default from #1\n");
  CHECK(lights.publish("a") ==
        "append q2 #1 lights/a/commands\n"
        "deliver c1 #1\n");
}

TEST_CASE("groups of a mailbox get each message once each") {
  Lights lights;
  lights.join("a");
  lights.subscribe(Lights::topic("a"), "audit");
  CHECK(lights.publish("a") ==
        "append q2 #1 lights/a/commands\n"
        "deliver c1 #1\n"
        "deliver c2 #1\n");
}

TEST_CASE("nobody consumes from a template as a whole") {
  Lights lights;
  QueueAddress address;
  address.filter = "lights/+/commands";
  for (const auto missing : {IfMissing::refuse, IfMissing::wait}) {
    const auto refused = lights.try_subscribe(address, missing);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().text ==
          "queue 'lights' has a mailbox for each topic: subscribe to '$q/' and one topic");
  }
}

TEST_CASE("a topic outside the template has no mailbox") {
  Lights lights;
  QueueAddress address;
  address.filter = "lights/a/status";
  CHECK(lights.try_subscribe(address).error().kind == ErrorKind::not_found);
  address.filter = "lights/+";
  CHECK(lights.try_subscribe(address).error().kind == ErrorKind::not_found);
}

TEST_CASE("a queue with exactly that topic comes before a mailbox") {
  Lights lights;
  QueueOptions other;
  other.name = "one";
  other.filter = Lights::topic("a");
  lights.set.create({}, other, lights.now).value();
  CHECK(lights.join("a") == "group q2.1 default from #1\n");
  // Both have what is published.
  CHECK(lights.publish("a") ==
        "mailbox q3 of q1 lights/a/commands\n"
        "append q3 #1 lights/a/commands\n"
        "append q2 #1 lights/a/commands\n"
        "deliver c1 #1\n");
  // When it goes, its consumers have the mailbox.
  CHECK(lights.note(lights.set.remove({}, "one", lights.now).value()) ==
        "delete q2\n"
        "group q3.1 default from #1\n"
        "deliver c1 #1 now\n");
}

TEST_CASE("templates whose filters share a topic exclude each other") {
  Lights lights;
  QueueOptions other = lights_like("more", "lights/#");
  const auto refused = lights.set.create({}, other, lights.now);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::exists);
  CHECK(refused.error().text.find("queue 'lights' ('lights/+/commands')") != std::string::npos);
  other.filter = "lights/+/status";
  CHECK(lights.set.create({}, other, lights.now).has_value());
}

TEST_CASE("limits hold for each mailbox") {
  QueueOptions options = lights();
  options.max_messages = 1;
  Lights lights(options);
  lights.publish("a");
  CHECK(lights.try_publish("a").error().kind == ErrorKind::full);
  CHECK(lights.try_publish("b").has_value());
  CHECK(lights.stats().refused_total == 1);
  CHECK(lights.stats().kept == 2);
}

TEST_CASE("a message that no mailbox could take is refused before there is one") {
  QueueOptions options = lights();
  options.max_bytes = 30;
  Lights lights(options);
  CHECK(lights.try_publish("a", std::string(100, 'x')).error().kind == ErrorKind::full);
  CHECK(lights.mailboxes() == 0);
}

TEST_CASE("a publish that waits for room in one mailbox holds up no other") {
  QueueOptions options = lights();
  options.max_messages = 1;
  options.overflow = Overflow::block;
  Lights lights(options);
  lights.join("a");
  lights.publish("a");
  CHECK(lights.note(lights.try_publish("a", "", {7}).value()).empty());
  CHECK(lights.try_publish("b", "", {8}).value().actions.size() == 1);
  CHECK(lights.ack(1, 1) ==
        "settle q2.1 #1\n"
        "append q2 #2 lights/a/commands\n"
        "accept r7\n"
        "deliver c1 #2\n");
}

TEST_CASE("in a last-value template each mailbox keeps its own latest value") {
  QueueOptions options = lights();
  options.last_value = true;
  Lights lights(options);
  lights.publish("a", "red");
  lights.publish("b", "red");
  lights.publish("a", "green");
  CHECK(lights.stats().kept == 2);
  CHECK(lights.join("a") ==
        "group q2.1 default from #1\n"
        "deliver c1 #2 now\n");
}

TEST_CASE("an empty mailbox nobody consumes goes after mailbox_idle") {
  Lights lights;
  lights.join("a");
  lights.publish("a");
  lights.ack(1, 1);
  CHECK(lights.tick(Duration(5000)).empty());  // it has a consumer
  CHECK(lights.leave(1).empty());
  CHECK(lights.tick(Duration(999)).empty());
  CHECK(lights.mailboxes() == 1);
  CHECK(lights.tick(Duration(1)) ==
        "delete q2\n"
        "totals q1 stored 1 acked 1\n");
  CHECK(lights.mailboxes() == 0);
  CHECK(lights.set.next_deadline() == std::nullopt);
  // What it counted is counted on.
  CHECK(lights.stats().stored_total == 1);
  CHECK(lights.stats().ended_as(End::acked) == 1);
  CHECK(lights.publish("a") ==
        "mailbox q3 of q1 lights/a/commands\n"
        "append q3 #1 lights/a/commands\n");
  CHECK(lights.stats().stored_total == 2);
}

TEST_CASE("a mailbox with a message stays") {
  Lights lights;
  lights.publish("a");
  CHECK(lights.tick(Duration(5000)).empty());
  CHECK(lights.mailboxes() == 1);
}

TEST_CASE("what happens to a mailbox puts off its end") {
  Lights lights;
  lights.join("a");
  lights.leave(1);
  lights.tick(Duration(900));
  lights.join("a");
  lights.leave(2);
  CHECK(lights.tick(Duration(999)).empty());
  CHECK(lights.tick(Duration(1)) == "delete q2\ntotals q1 stored 0\n");
}

TEST_CASE("a mailbox with another group than default stays, since that begins where it was") {
  Lights lights;
  lights.subscribe(Lights::topic("a"), "audit");
  lights.leave(1);
  CHECK(lights.tick(Duration(5000)).empty());
  CHECK(lights.mailboxes() == 1);
  CHECK(lights.note(
            lights.set.delete_group({}, "lights/lights/a/commands", "audit", lights.now).value()) ==
        "delete q2.1\n");
  CHECK(lights.tick(Duration(1000)) == "delete q2\ntotals q1 stored 0\n");
}

TEST_CASE("a last-value mailbox goes when its value was consumed") {
  QueueOptions options = lights();
  options.last_value = true;
  Lights lights(options);
  lights.publish("a", "red");
  lights.join("a");
  lights.ack(1, 1);
  CHECK(lights.stats().kept == 1);  // for groups to come
  lights.leave(1);
  CHECK(lights.tick(Duration(1000)) == "delete q2\ntotals q1 stored 1 acked 1\n");
}

TEST_CASE("a last-value mailbox whose value nobody has had stays") {
  QueueOptions options = lights();
  options.last_value = true;
  Lights lights(options);
  lights.publish("a", "red");
  CHECK(lights.tick(Duration(5000)).empty());
  lights.join("a");
  lights.leave(1);
  CHECK(lights.tick(Duration(5000)).empty());
}

TEST_CASE("after a restart mailboxes are what they were, and wait anew to go") {
  Lights lights;
  lights.publish("a", "1");
  lights.join("b");
  const auto before = lights.set.states();
  lights.tick(Duration(900));
  lights.restart();
  CHECK(lights.set.states() == before);
  CHECK(lights.mailboxes() == 2);
  CHECK(lights.tick(Duration(999)).find("delete") == std::string::npos);
  CHECK(lights.tick(Duration(1)).find("delete q3\ntotals q1 stored 0\n") != std::string::npos);
  CHECK(lights.mailboxes() == 1);
  CHECK(lights.publish("a", "2") == "append q2 #2 lights/a/commands\n");
}

TEST_CASE("new options of a template are those of its mailboxes") {
  Lights lights;
  lights.join("a");
  QueueOptions options = lights_like("lights", "lights/+/commands");
  options.pause_consuming = true;
  CHECK(lights.note(lights.set.update({}, options, lights.now).value()) ==
        "define q1 lights lights/+/commands\n");
  CHECK(lights.publish("a") == "append q2 #1 lights/a/commands\n");
  options.pause_consuming = false;
  CHECK(lights.note(lights.set.update({}, options, lights.now).value()) ==
        "define q1 lights lights/+/commands\n"
        "deliver c1 #1\n");
  // The journal's fold says the same.
  CHECK(lights.set.states().queues.at({2}).options() == options);
  options.per_topic = false;
  CHECK_FALSE(lights.set.update({}, options, lights.now).has_value());
}

TEST_CASE("a template goes with its mailboxes and its dead letters") {
  Lights lights;
  lights.publish("a");
  lights.publish("b");
  lights.join("a");
  lights.ack(1, 1, Outcome::reject);
  CHECK(lights.note(lights.set.remove({}, "lights", lights.now).value()) ==
        "delete q4\ndelete q2\ndelete q3\ndelete q1\n");
  CHECK(lights.set.states().queues.empty());
  // The consumer waits, and has the mailbox of a template that comes in its place.
  auto options = lights_like("again", "lights/#");
  CHECK(lights.note(lights.set.create({}, options, lights.now).value()) ==
        "define q5 again lights/#\n"
        "mailbox q6 of q5 lights/a/commands\n"
        "group q6.1 default from #1\n");
}

TEST_CASE("a consumer may wait for a template") {
  QueueSet set(1, {});
  set.open_session({1}, {});
  QueueAddress address;
  address.filter = Lights::topic("a");
  set.subscribe({1}, address, Time{}, IfMissing::wait).value();
  CHECK(to_text(set.create({}, lights(), Time{}).value()) ==
        "define q1 lights lights/+/commands\n"
        "mailbox q2 of q1 lights/a/commands\n"
        "group q2.1 default from #1\n");
}

TEST_CASE("one mailbox can be deleted; who consumes from it goes on with a new one") {
  Lights lights;
  lights.publish("a");
  lights.join("a");
  CHECK(lights.note(lights.set.remove({}, "lights/lights/a/commands", lights.now).value()) ==
        "totals q1 stored 1\n"
        "delete q2\n"
        "mailbox q3 of q1 lights/a/commands\n"
        "group q3.1 default from #1\n");
  CHECK(lights.publish("a") ==
        "append q3 #1 lights/a/commands\n"
        "deliver c1 #1\n");
}

TEST_CASE("dead letters of all mailboxes are together, and go back each to its own") {
  Lights lights;
  for (const std::string light : {"a", "b"}) {
    lights.publish(light);
    lights.join(light);
  }
  CHECK(lights.ack(1, 1, Outcome::reject) ==
        "settle q2.1 #1 dead\n"
        "define q4 lights $dead/lights/+/commands\n"
        "append q4 #1 lights/a/commands dead: rejected\n");
  lights.ack(2, 2, Outcome::reject);
  CHECK(lights.stats().dead == 2);
  QueueAddress dead;
  dead.filter = Lights::topic("a");
  dead.dead = true;
  CHECK(lights.try_subscribe(dead).error().text ==
        "dead letters of mailboxes are together: '$q/$dead/lights/+/commands'");
  CHECK(lights.set.redrive({}, "lights/lights/a/commands", {}, lights.now).error().text ==
        "'lights/lights/a/commands' is a mailbox: its dead letters are those of queue 'lights'");

  CHECK(lights.note(lights.set.redrive({9}, "lights", {}, lights.now).value()) ==
        "settle q4 #1 redriven\n"
        "append q2 #2 lights/a/commands\n"
        "settle q4 #2 redriven\n"
        "append q3 #2 lights/b/commands\n"
        "accept r9\n"
        "deliver c1 #2\n"
        "deliver c2 #2\n");
}

TEST_CASE("a dead letter of a mailbox that is no more makes it again") {
  Lights lights;
  lights.publish("a");
  lights.join("a");
  lights.ack(1, 1, Outcome::reject);
  lights.leave(1);
  lights.tick(Duration(1000));
  CHECK(lights.mailboxes() == 0);
  CHECK(lights.note(lights.set.redrive({9}, "lights", {}, lights.now).value()) ==
        "mailbox q4 of q1 lights/a/commands\n"
        "settle q3 #1 redriven\n"
        "append q4 #1 lights/a/commands\n"
        "accept r9\n");
}

TEST_CASE("a dead value is outdated by any value of a mailbox that came later") {
  QueueOptions options = lights();
  options.last_value = true;
  Lights lights(options);
  for (const char* color : {"red", "blue"}) {
    lights.publish("a", color);
    lights.join("a");
    lights.ack(lights.last_session, lights.last_session, Outcome::reject);
    lights.leave(lights.last_session);
  }
  lights.tick(Duration(1000));
  REQUIRE(lights.mailboxes() == 0);
  lights.publish("a", "green");  // offset 1 of a new mailbox, "blue" was 2
  CHECK(lights.note(lights.set.redrive({9}, "lights", Offset{2}, lights.now).value()) ==
        "settle q3 #2 superseded\n"
        "accept r9\n");
}

TEST_CASE("a template is purged mailbox by mailbox") {
  Lights lights;
  lights.publish("a");
  lights.publish("b");
  CHECK(lights.note(lights.set.purge({}, "lights/lights/a/commands", lights.now).value()) ==
        "settle q2 #1 purged\n");
  CHECK(lights.note(lights.set.purge({}, "lights", lights.now).value()) == "settle q3 #1 purged\n");
  CHECK(lights.stats().kept == 0);
}

TEST_CASE("a mailbox has a name of its own") {
  Lights lights;
  lights.publish("a");
  lights.publish("b");
  lights.publish("b");
  lights.join("b");
  const std::string name = "lights/lights/b/commands";
  CHECK(lights.stats(name).kept == 2);
  CHECK(lights.stats(name).in_flight == 2);
  CHECK(lights.stats().in_flight == 2);
  CHECK(lights.stats().ready == 1);
  CHECK(lights.stats().consumers == 1);
  CHECK_FALSE(lights.set.stats("lights/lights/c/commands", lights.now));
  CHECK(lights.set.name_of_filter(Lights::topic("c")) == "lights");
  CHECK(lights.set.name_of_filter("lights/+") == "");
  CHECK(lights.set.all_stats(lights.now).size() == 1);
  CHECK(lights.set.consumers_of("lights").size() == 1);
  CHECK(lights.set.consumers_of(name).size() == 1);
  CHECK(lights.set.consumer_views("lights", lights.now).at(0).queue == name);
  CHECK(lights.set.consumer_views("light", lights.now).empty());
  CHECK(lights.set.unsettled_from("lights/lights/a/commands", false, {1}).value() ==
        Stretch{{2}, {1}, {2}});
  auto options = lights_like(name, "x");
  CHECK(lights.set.update({}, options, lights.now).error().text ==
        "'" + name + "' is a mailbox: its options are those of queue 'lights'");
  CHECK(lights.set.add_group({}, "lights", "g", {1}, lights.now).error().text ==
        "queue 'lights' has groups for each mailbox: name one, 'lights/<topic>'");
}

TEST_CASE("mailboxes are listed by topic, a page at a time") {
  Lights lights;
  for (const char* light : {"b", "d", "a", "c"}) lights.publish(light);
  const auto topics = [&](const std::string& after, std::size_t limit) {
    std::string text;
    for (const auto& stats : lights.set.mailbox_stats_after("lights", after, limit, lights.now))
      text += stats.topic + " ";
    return text;
  };
  CHECK(topics("", 2) == "lights/a/commands lights/b/commands ");
  CHECK(topics("lights/b/commands", 9) == "lights/c/commands lights/d/commands ");
  CHECK(lights.set.mailbox_stats_after("other", "", 9, lights.now).empty());
}

TEST_CASE("very many mailboxes that go at once do so a part at a time") {
  Lights lights;
  for (int light = 0; light < 1500; ++light) {
    lights.join(std::to_string(light));
    lights.leave(lights.last_session);
  }
  lights.tick(Duration(1000));
  CHECK(lights.mailboxes() == 1500 - 1024);
  CHECK(lights.set.next_deadline().value() <= lights.now);
  lights.tick(Duration(0));
  CHECK(lights.mailboxes() == 0);
}

TEST_CASE("who may not consume from a queue that comes goes on waiting") {
  QueueSet set(1, {});
  QueueAddress address;
  address.filter = Lights::topic("a");
  for (std::uint64_t session = 1; session <= 2; ++session) {
    set.open_session({session}, {});
    set.subscribe({session}, address, Time{}, IfMissing::wait).value();
  }
  const auto only_second = [](SessionId session, std::string_view queue) {
    return session == SessionId{2} || queue == "open";
  };
  set.create({}, lights(), Time{}, only_second).value();
  CHECK(set.consumers_of("lights").size() == 1);
  set.remove({}, "lights", Time{}, only_second).value();
  auto options = lights();
  options.name = "open";
  set.create({}, options, Time{}, only_second).value();
  CHECK(set.consumers_of("open").size() == 2);
}

TEST_CASE("filters overlap if a topic matches both") {
  const std::pair<const char*, const char*> together[] = {
      {"a/+", "a/b"}, {"+/b", "a/+"}, {"a/#", "a"},   {"a/#", "a/b/c"}, {"#", "x/y"},
      {"a/b", "a/b"}, {"a/+", "a/#"}, {"a/", "a/+"},  {"$x/#", "$x/y"}, {"+", "#"},
      {"a/#", "+/#"}, {"/", "+/+"},   {"#", "a/b/c"},
  };
  for (const auto& [a, b] : together) {
    CAPTURE(a);
    CAPTURE(b);
    CHECK(filters_overlap(a, b));
    CHECK(filters_overlap(b, a));
  }
  const std::pair<const char*, const char*> apart[] = {
      {"a/+", "b/+"},  {"a/b", "a/b/c"}, {"a/+/c", "a/+/d"}, {"#", "$x/y"},
      {"+/y", "$x/y"}, {"a/", "a"},      {"a/+", "a"},
  };
  for (const auto& [a, b] : apart) {
    CAPTURE(a);
    CAPTURE(b);
    CHECK_FALSE(filters_overlap(a, b));
    CHECK_FALSE(filters_overlap(b, a));
  }
}
