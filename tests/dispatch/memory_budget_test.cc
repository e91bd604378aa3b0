// What all queues together keep in memory of their backlogs.
#include "dispatch/memory_budget.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "dispatch/queue_set.h"
#include "tests/dispatch/one_queue.h"

using namespace dispatch;

namespace {

constexpr std::uint64_t kBudget = 1 << 20;
constexpr CoreLimits kLimits{.budget_bytes = kBudget};
constexpr int kQueues = 200;
constexpr int kMessages = 100;

// Many queues with a backlog each, and a journal that has all of it.
class ManyQueues {
 public:
  ManyQueues() : set(1, kLimits) {
    for (int i = 0; i < kQueues; ++i) {
      QueueOptions options = jobs();
      options.name = "q" + std::to_string(i);
      options.filter = options.name;
      take(set.create({}, options, now).value());
      take(set.add_group({}, options.name, "default", Offset{1}, now).value());
    }
    for (int i = 0; i < kMessages; ++i)
      for (int queue = 0; queue < kQueues; ++queue) publish("q" + std::to_string(queue));
  }

  void publish(const std::string& topic) {
    auto message = std::make_shared<Message>();
    message->topic = topic;
    message->payload.assign(1000, 'x');
    take(set.publish({}, message, now).value());
  }

  void take(Step&& step) {
    for (const auto& write : step.writes)
      if (const auto* append = std::get_if<Append>(&write))
        stored[append->queue].push_back({append->offset, append->message});
    for (auto& action : step.actions) {
      if (const auto* load = std::get_if<Load>(&action)) loads.push_back(*load);
      if (const auto* delivery = std::get_if<Deliver>(&action)) deliveries.push_back(*delivery);
    }
  }

  // Everything is durable, and loads are answered, until there are no more.
  void settle_down() {
    for (const auto& [queue, messages] : stored) set.durable(queue, next(messages.back().offset));
    while (!loads.empty()) {
      const Load load = loads.back();
      loads.pop_back();
      std::vector<StoredMessage> found;
      std::uint64_t bytes = 0;
      for (const auto& message : stored[load.queue]) {
        if (message.offset < load.from || message.offset >= load.end) continue;
        bytes += message.message->size_bytes();
        if (!found.empty() && (found.size() == load.max_messages || bytes > load.max_bytes)) break;
        found.push_back(message);
      }
      take(set.loaded(load, found, now));
    }
  }

  void restart() {
    auto states = set.states();
    set = QueueSet(1, kLimits);
    take(set.restore(std::move(states), now));
  }

  std::uint64_t loaded_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& queue : set.stats_after("", kQueues, now)) bytes += queue.ready_bytes_loaded;
    return bytes;
  }

  QueueSet set;
  Time now{Duration(1'000'000)};
  std::map<QueueId, std::vector<StoredMessage>> stored;
  std::vector<Load> loads;
  std::vector<Deliver> deliveries;
};

}  // namespace

TEST_CASE("a budget counts what its holders have, and those without consumers have half of it") {
  MemoryBudget budget;
  budget.set_limit(10'000);
  {
    MemoryBudget::Share idle(budget), busy(budget);
    idle.set(2, 4000, 0, true);
    CHECK(budget.used_bytes() == 4800);
    CHECK_FALSE(budget.is_full_for_idle());
    idle.set(2, 4200, 0, true);
    CHECK(budget.is_full_for_idle());
    CHECK_FALSE(budget.is_full());
    busy.set(0, 0, 4999, false);
    CHECK_FALSE(budget.is_full());
    busy.set(0, 0, 5000, false);
    CHECK(budget.is_full());
    idle.set(1, 100, 0, false);  // it has a consumer now
    CHECK_FALSE(budget.is_full_for_idle());
    CHECK(budget.used_bytes() == 5500);
  }
  CHECK(budget.used_bytes() == 0);
}

TEST_CASE("many queues with a backlog each keep no more than the budget") {
  ManyQueues queues;  // 20 MB, of which idle queues would keep 13
  queues.settle_down();
  CHECK(queues.loaded_bytes() > kBudget / 8);
  CHECK(queues.loaded_bytes() <= kBudget / 2);
  CHECK(queues.set.ready_memory_bytes() <= kBudget / 2 + 1500);

  queues.restart();
  CHECK(queues.loads.size() <= 3);  // each may bring 256 KiB
  queues.settle_down();
  CHECK(queues.loaded_bytes() <= kBudget / 2);
  for (const auto& queue : queues.set.stats_after("", kQueues, queues.now)) {
    REQUIRE(queue.ready == kMessages);
    REQUIRE(queue.oldest_age_ms <= 1'000'000);
  }
}

TEST_CASE(
    "whoever has consumers goes on beyond the budget, with small windows, and misses nothing") {
  ManyQueues queues;
  queues.restart();
  queues.settle_down();
  for (int i = 0; i < kQueues; ++i) {
    const SessionId session{static_cast<std::uint64_t>(i) + 1};
    queues.set.open_session(session, {.receive_maximum = 1});
    QueueAddress address;
    address.filter = "q" + std::to_string(i);
    queues.take(queues.set.subscribe(session, address, queues.now).value().step);
    queues.settle_down();
    // A window of 64 messages for each that has come, 36 more for those before the budget was full.
    REQUIRE(queues.loaded_bytes() <= kBudget + static_cast<std::uint64_t>(i + 1) * 66'000);
  }
  std::map<QueueId, Offset> last;
  std::uint64_t count = 0;
  while (!queues.deliveries.empty()) {
    for (const Deliver& delivery : std::exchange(queues.deliveries, {})) {
      REQUIRE(delivery.offset == next(last[delivery.queue]));
      last[delivery.queue] = delivery.offset;
      ++count;
      queues.take(
          queues.set.settle(delivery.consumer, delivery.delivery, Outcome::ack, queues.now));
      queues.take(queues.set.free_slot(delivery.session, queues.now));
    }
    queues.settle_down();
  }
  CHECK(count == kQueues * kMessages);
  CHECK(queues.set.ready_memory_bytes() == 0);
}

TEST_CASE("queues that drop their oldest messages look at few of them when memory is short") {
  ManyQueues queues;
  for (int i = 0; i < kQueues; ++i) {
    QueueOptions options = jobs();
    options.name = options.filter = "q" + std::to_string(i);
    options.max_messages = 50;
    options.overflow = Overflow::drop_oldest;
    queues.take(queues.set.update({}, options, queues.now).value());
    queues.settle_down();
  }
  for (int i = 0; i < kQueues; ++i) queues.publish("q" + std::to_string(i));
  queues.settle_down();
  for (const auto& queue : queues.set.stats_after("", kQueues, queues.now))
    REQUIRE(queue.kept == 50);
  CHECK(queues.set.ready_memory_bytes() <= kBudget + kQueues * 16 * 1500);
}
