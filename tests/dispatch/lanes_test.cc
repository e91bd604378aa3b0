#include "dispatch/lanes.h"

#include <map>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

using namespace dispatch;

namespace {

QueueOptions by_topic() {
  QueueOptions options = jobs();
  options.dispatch = Strategy::key_affinity;
  return options;
}

std::string topic(int key) { return "jobs/" + std::to_string(key); }

// Which consumer got it: "c2"; "nobody".
std::string taker_in(const std::string& step) {
  const auto at = step.find("deliver ");
  return at == step.npos ? "nobody" : step.substr(at + 8, 2);
}

// One message a key, settled at once: whose every key is.
std::map<int, std::string> owners(OneQueue& queue, int keys) {
  std::map<int, std::string> owners;
  for (int key = 0; key < keys; ++key) {
    owners[key] = taker_in(queue.publish(topic(key)));
    const auto delivery = queue.set.stats("jobs", queue.now)->stored_total;
    queue.settle(owners[key].back() - '0', delivery);
  }
  return owners;
}

}  // namespace

TEST_CASE("key_affinity: a key stays with its consumer, and each has a share") {
  OneQueue queue(by_topic());
  for (int i = 0; i < 4; ++i) queue.join();
  const auto first = owners(queue, 200);
  CHECK(owners(queue, 200) == first);
  std::map<std::string, int> shares;
  for (const auto& [key, owner] : first) ++shares[owner];
  CHECK(shares.size() == 4);
  for (const auto& [owner, keys] : shares) CHECK(keys > 25);
}

TEST_CASE("key_affinity: who comes takes its share only, who leaves gives it back") {
  OneQueue queue(by_topic());
  for (int i = 0; i < 3; ++i) queue.join();
  const auto before = owners(queue, 200);
  queue.join();
  int moved = 0;
  for (const auto& [key, owner] : owners(queue, 200)) {
    CHECK((owner == before.at(key) || owner == "c4"));
    moved += owner == "c4";
  }
  CHECK(moved > 20);
  CHECK(moved < 90);
  queue.close(4, Leave::orderly);
  CHECK(owners(queue, 200) == before);
}

TEST_CASE("key_affinity: a key that is in flight moves when it is settled, in order") {
  OneQueue queue(by_topic());
  queue.join();
  const int keys = 40;
  for (int key = 0; key < keys; ++key)
    CHECK(taker_in(queue.publish(topic(key))) == (key < 32 ? "c1" : "nobody"));
  // c1 is full; of what waits, c2 gets its keys at once, and none of those that c1 works on.
  const auto on_join = queue.join();
  CHECK(taker_in(on_join) == "c2");
  int moved = -1;
  for (int key = 0; key < 32; ++key) {
    queue.publish(topic(key), "second");
    const auto step = queue.settle(1, static_cast<std::uint64_t>(key) + 1);
    if (moved < 0 && step.find("deliver c2") != step.npos) {
      moved = key;
      CHECK(step.find("#" + std::to_string(keys + key + 1)) != step.npos);
    }
  }
  CHECK(moved >= 0);
}

TEST_CASE("key_affinity: several of a key are in flight with one consumer, others don't wait") {
  QueueOptions options = by_topic();
  options.max_inflight = 2;
  OneQueue queue(options);
  queue.join();
  queue.join();
  const auto owner = taker_in(queue.publish("jobs/a"));
  CHECK(taker_in(queue.publish("jobs/a")) == owner);
  CHECK(taker_in(queue.publish("jobs/a")) == "nobody");  // full, and the other one isn't asked
  int others = 0;
  for (int key = 0; key < 32; ++key) others += taker_in(queue.publish(topic(key))) != "nobody";
  CHECK(others == 2);
}

TEST_CASE("key_affinity: what failed comes again before what is behind it") {
  QueueOptions options = by_topic();
  options.max_inflight = 1;
  options.retry_delay = Duration(50);
  options.retry_jitter = 0;
  OneQueue queue(options);
  queue.join();
  queue.publish("jobs/a");
  queue.publish("jobs/a");
  queue.publish("jobs/b");
  // jobs/b goes on meanwhile.
  CHECK(queue.settle(1, 1, Outcome::retry) == "attempt q1.1 #1 failed 1\ndeliver c1 #3\n");
  CHECK(queue.settle(1, 2) == "settle q1.1 #3\n");
  CHECK(queue.tick(Duration(50)) == "deliver c1 #1 attempt 2\n");
  CHECK(queue.settle(1, 3) == "settle q1.1 #1\ndeliver c1 #2\n");
}

TEST_CASE("key_affinity: 'not now' and a missed ack_timeout move the keys to others") {
  QueueOptions options = by_topic();
  options.release_pause = Duration(1000);
  OneQueue released(options);
  released.join();
  released.join();
  const auto owner = taker_in(released.publish("jobs/a"));
  const std::string other = owner == "c1" ? "c2" : "c1";
  CHECK(taker_in(released.settle(owner.back() - '0', 1, Outcome::release)) == other);
  released.settle(other.back() - '0', 2);
  CHECK(taker_in(released.publish("jobs/a")) == other);
  released.settle(other.back() - '0', 3);
  released.tick(Duration(1000));
  CHECK(taker_in(released.publish("jobs/a")) == owner);

  options.ack_timeout = Duration(500);
  OneQueue hung(options);
  hung.join();
  hung.join();
  CHECK(taker_in(hung.publish("jobs/a")) == owner);
  CHECK(taker_in(hung.tick(Duration(500))) == other);
}

TEST_CASE("key_affinity: chosen while the queue lives, it holds for what is in memory") {
  OneQueue queue;
  queue.join();
  queue.join();
  for (int i = 0; i < 4; ++i) queue.publish("jobs/a");  // with both
  queue.publish_many(70);
  queue.note(queue.set.update({}, by_topic(), queue.now).value());
  // All of it is one key now: it goes to one consumer once the other has settled what it holds.
  std::set<std::string> takers;
  for (std::uint64_t delivery = 1; delivery <= 64; ++delivery) {
    const auto step = queue.settle(1 + (delivery - 1) % 2, delivery);
    if (taker_in(step) != "nobody") takers.insert(taker_in(step));
  }
  CHECK(takers.size() == 1);
}
