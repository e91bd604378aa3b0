#include "proxy/queue_service.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "tests/support/power_loss_env.h"

// The queue service with the shipped journal on a disk that can fail: what is acknowledged is on
// disk, what can't be stored is refused, and consumers go on after recovery.

namespace proxy {
namespace {

using power_loss::Fault;
using power_loss::PowerLossEnv;

class Client final : public QueueClient {
 public:
  void on_delivery(dispatch::Deliver&& delivery) override {
    delivered.push_back(std::move(delivery));
  }
  void on_stored(protocol::PacketId packet_id) override { stored.push_back(packet_id); }
  void on_store_failed(protocol::PacketId packet_id, const dispatch::Error&) override {
    failed.push_back(packet_id);
  }
  void on_consumers_lost() override { ++lost; }
  void resubscribe() override { resubscribed = true; }
  void on_queues_ready() override { ++ready; }
  bool may_consume(std::string_view queue) const override { return queue != barred; }

  std::deque<dispatch::Deliver> delivered;
  std::vector<protocol::PacketId> stored;
  std::vector<protocol::PacketId> failed;
  int lost = 0;
  int ready = 0;
  bool resubscribed = false;
  std::string barred;  // the queue that it may not consume from
};

class House {
 public:
  House() {
    options_.directory = "/journal";
    options_.env = &env;
    options_.disk_reserve_bytes = 1000;
    options_.free_bytes = [this] { return free_bytes.load(); };
    open();
  }
  void open() {
    auto journal = storage::Journal::open(options_);
    REQUIRE(journal.has_value());
    core.emplace(1);
    work_.emplace(core->get_executor());
    service.emplace(*core, clock_, options_, std::move(*journal), 1);
  }
  void close() {
    service.reset();
    work_.reset();
    core.reset();
  }
  // Turns the loop until the condition holds; a service that never answers fails here.
  void until(const std::function<bool()>& holds) {
    for (int i = 0; i < 10'000 && !holds(); ++i) {
      core->restart();
      core->run_for(std::chrono::milliseconds(5));
    }
    REQUIRE(holds());
  }
  dispatch::Result<void> create(const std::string& name, const std::string& filter) {
    dispatch::QueueOptions options;
    options.name = name;
    options.filter = filter;
    std::optional<dispatch::Result<void>> answer;
    service->create(options, [&](dispatch::Result<void> result) { answer = result; });
    until([&] { return answer.has_value(); });
    return *answer;
  }
  dispatch::MessageRef message(const std::string& topic, const std::string& payload) {
    auto message = std::make_shared<dispatch::Message>();
    message->topic = topic;
    message->payload = payload;
    message->stored_at = service->now();
    return message;
  }

  // Turns the loop for some time.
  void turn_for(std::chrono::milliseconds time) {
    core->restart();
    core->run_for(time);
  }

  PowerLossEnv env{1};
  std::atomic<std::uint64_t> free_bytes{1u << 30};  // asked for by the journal's thread
  std::optional<boost::asio::io_context> core;

 private:
  using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;
  std::optional<WorkGuard> work_;  // answers come from another thread
  storage::JournalOptions options_;
  Clock clock_;

 public:
  std::optional<QueueService> service;
};

TEST_CASE("a publish is answered when it is on disk, and delivered then") {
  House house;
  REQUIRE(house.create("jobs", "jobs/+").has_value());
  Client client;
  const auto session = house.service->open_session(client, {});
  REQUIRE(house.service->subscribe(session, {"default", "jobs/+"}, dispatch::IfMissing::refuse)
              .has_value());
  REQUIRE(house.service->publish(session, 7, house.message("jobs/a", "x")).has_value());
  CHECK(client.stored.empty());
  CHECK(client.delivered.empty());
  house.until([&] { return !client.stored.empty(); });
  CHECK(client.stored == std::vector<protocol::PacketId>{7});
  REQUIRE(client.delivered.size() == 1);
  CHECK(client.delivered[0].message->payload == "x");
}

TEST_CASE("what was answered is there after a power cut, what was acknowledged is not") {
  House house;
  REQUIRE(house.create("jobs", "jobs/+").has_value());
  {
    Client client;
    const auto session = house.service->open_session(client, {});
    for (protocol::PacketId id = 1; id <= 3; ++id) {
      REQUIRE(house.service->publish(session, id, house.message("jobs/a", std::to_string(id)))
                  .has_value());
    }
    house.until([&] { return client.stored.size() == 3; });
    const auto consumer =
        house.service->subscribe(session, {"default", "jobs/+"}, dispatch::IfMissing::refuse);
    REQUIRE(consumer.has_value());
    house.until([&] { return client.delivered.size() == 3; });
    house.service->settle(*consumer, client.delivered[1].delivery, dispatch::Outcome::ack);
    // Something stored behind it shows that the settlement is on disk as well.
    REQUIRE(house.service->publish(session, 4, house.message("jobs/a", "4")).has_value());
    house.until([&] { return client.stored.size() == 4; });
    house.close();
  }
  house.env.cut_power(power_loss::Loss::drop);
  house.open();
  Client client;
  const auto session = house.service->open_session(client, {});
  REQUIRE(house.service->subscribe(session, {"default", "jobs/+"}, dispatch::IfMissing::refuse)
              .has_value());
  house.until([&] { return client.delivered.size() == 3; });
  CHECK(client.delivered[0].message->payload == "1");
  CHECK(client.delivered[1].message->payload == "3");
  CHECK(client.delivered[2].message->payload == "4");
}

TEST_CASE("a failed commit refuses everything under way, and the service recovers by itself") {
  House house;
  REQUIRE(house.create("jobs", "jobs/+").has_value());
  Client client;
  const auto session = house.service->open_session(client, {});
  REQUIRE(house.service->publish(session, 1, house.message("jobs/a", "kept")).has_value());
  house.until([&] { return client.stored.size() == 1; });

  house.env.fail_at(1, Fault::once);
  REQUIRE(house.service->publish(session, 2, house.message("jobs/a", "refused")).has_value());
  house.until([&] { return client.failed.size() == 1; });
  CHECK(client.stored.size() == 1);
  CHECK(client.lost == 1);
  CHECK_FALSE(house.service->failure().empty());

  SUBCASE("publishes are refused meanwhile, with the reason") {
    const auto refused = house.service->publish(session, 3, house.message("jobs/a", "x"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == dispatch::ErrorKind::unavailable);
  }
  house.until([&] { return client.resubscribed; });
  CHECK(house.service->failure().empty());
  REQUIRE(house.service->subscribe(session, {"default", "jobs/+"}, dispatch::IfMissing::refuse)
              .has_value());
  REQUIRE(house.service->publish(session, 4, house.message("jobs/a", "later")).has_value());
  house.until([&] { return client.delivered.size() >= 2 && client.stored.size() == 2; });
  CHECK(client.delivered.front().message->payload == "kept");
  CHECK(client.delivered.back().message->payload == "later");
}

TEST_CASE("the name of a delivery means nothing after the journal has failed") {
  House house;
  REQUIRE(house.create("jobs", "jobs/+").has_value());
  Client client;
  const auto session = house.service->open_session(client, {});
  const auto take_one = [&] {
    REQUIRE(
        house.service->subscribe(session, {"default", "jobs/+"}, dispatch::IfMissing::refuse, true)
            .has_value());
    house.until([&] { return !client.delivered.empty(); });
    SettleCommand ack;
    ack.delivery = client.delivered.front().delivery;
    ack.delivery_name = house.service->name_of(ack.delivery);
    client.delivered.clear();
    return ack;
  };
  REQUIRE(house.service->publish(session, 1, house.message("jobs/a", "kept")).has_value());
  const auto old = take_one();

  house.env.fail_at(1, Fault::once);
  REQUIRE(house.service->publish(session, 2, house.message("jobs/a", "refused")).has_value());
  house.until([&] { return client.resubscribed; });
  const auto now = take_one();
  CHECK(now.delivery == old.delivery);
  CHECK_FALSE(house.service->command(session, 3, old));
  CHECK(house.service->command(session, 4, now));
}

TEST_CASE("a disk that stays broken keeps the service red, and green when it is mended") {
  House house;
  REQUIRE(house.create("jobs", "jobs/+").has_value());
  Client client;
  const auto session = house.service->open_session(client, {});
  house.env.fail_at(1, Fault::for_ever);
  REQUIRE(house.service->publish(session, 1, house.message("jobs/a", "x")).has_value());
  house.until([&] { return client.failed.size() == 1; });
  house.until([&] { return house.service->failure().starts_with("the journal can't be opened"); });
  house.env.mend();
  house.until([&] { return house.service->failure().empty(); });
  REQUIRE(house.service->publish(session, 2, house.message("jobs/a", "x")).has_value());
  house.until([&] { return client.stored.size() == 1; });
}

TEST_CASE("below the disk reserve publishes are refused, settlements and dead letters are not") {
  House house;
  REQUIRE(house.create("jobs", "jobs/+").has_value());
  Client client;
  const auto session = house.service->open_session(client, {});
  const auto consumer =
      house.service->subscribe(session, {"default", "jobs/+"}, dispatch::IfMissing::refuse);
  REQUIRE(consumer.has_value());
  house.free_bytes = 999;
  // Nobody has looked yet; the commit does.
  REQUIRE(house.service->publish(session, 1, house.message("jobs/a", "a")).has_value());
  REQUIRE(house.service->publish(session, 2, house.message("jobs/a", "b")).has_value());
  house.until([&] { return client.delivered.size() == 2 && client.stored.size() == 2; });
  house.until([&] { return !house.service->failure().empty(); });
  CHECK(house.service->failure().starts_with("the disk is nearly full: "));
  const auto refused = house.service->publish(session, 3, house.message("jobs/a", "c"));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == dispatch::ErrorKind::full);

  house.service->settle(*consumer, client.delivered[0].delivery, dispatch::Outcome::ack);
  house.service->settle(*consumer, client.delivered[1].delivery, dispatch::Outcome::reject);
  house.until([&] { return house.service->stats("jobs")->dead == 1; });
  CHECK(house.service->stats("jobs")->in_flight == 0);

  // Looked at again each second, without a commit.
  house.free_bytes = 1124;  // an eighth above the reserve, less one
  house.turn_for(std::chrono::milliseconds(1500));
  CHECK_FALSE(house.service->failure().empty());
  house.free_bytes = 1125;
  house.until([&] { return house.service->failure().empty(); });
  REQUIRE(house.service->publish(session, 4, house.message("jobs/a", "d")).has_value());
  house.until([&] { return client.stored.size() == 3; });
}

TEST_CASE("a confirmation waits for what was published before it") {
  House house;
  REQUIRE(house.create("jobs", "jobs/+").has_value());
  Client first;
  Client second;
  const auto lost = house.service->open_session(first, {});
  REQUIRE(house.service->publish(lost, 1, house.message("jobs/a", "x")).has_value());
  house.service->close_session(lost, dispatch::Leave::lost);
  const auto session = house.service->open_session(second, {});
  house.service->confirm(session, 1);
  CHECK(second.stored.empty());
  house.until([&] { return second.stored.size() == 1; });
  CHECK(house.service->stats("jobs")->ready == 1);
  CHECK(first.stored.empty());
}

TEST_CASE("more than one commit should hold is several, in order, and nothing is left behind") {
  House house;
  REQUIRE(house.create("jobs", "jobs/+").has_value());
  const auto commits = [&] {
    std::uint64_t all = 0;
    for (std::size_t i = 0; i <= Durations::kBoundsS.size(); ++i)
      all += house.service->commit_times().count(i);
    return all;
  };
  const auto before = commits();
  Client client;
  const auto session = house.service->open_session(client, {});
  const std::string quarter(256 << 10, 'm');  // of a commit
  protocol::PacketId sent = 0;
  while (house.service->can_take())
    REQUIRE(house.service->publish(session, ++sent, house.message("jobs/a", quarter)).has_value());
  CHECK(sent == 16);
  SUBCASE("they are stored") {
    house.until([&] { return client.stored.size() == sent; });
    CHECK(std::ranges::is_sorted(client.stored));
    CHECK(commits() == before + 4);
    CHECK(client.ready == 1);
    CHECK(house.service->can_take());
    for (int i = 0; i < 40'000; ++i)
      REQUIRE(house.service->publish(session, 0, house.message("jobs/a", "s")).has_value());
    REQUIRE(house.service->publish(session, ++sent, house.message("jobs/a", "s")).has_value());
    house.until([&] { return client.stored.size() == sent; });
    CHECK(commits() == before + 14);
  }
  SUBCASE("an orderly end in between stores them too") {
    house.close();
    house.env.cut_power(power_loss::Loss::drop);
    house.open();
    CHECK(house.service->stats("jobs")->ready == sent);
  }
  SUBCASE("a failure refuses all of them") {
    house.env.fail_at(1, Fault::for_ever);
    house.until([&] { return client.failed.size() == sent; });
    CHECK(client.stored.empty());
    CHECK(house.service->can_take());
  }
}

TEST_CASE("definitions are answered when they are durable, or with the reason at once") {
  House house;
  REQUIRE(house.create("jobs", "jobs/+").has_value());
  const auto twice = house.create("jobs", "other/+");
  REQUIRE_FALSE(twice.has_value());
  CHECK(twice.error().kind == dispatch::ErrorKind::exists);
  house.close();
  house.env.cut_power(power_loss::Loss::drop);
  house.open();
  REQUIRE(house.service->stats("jobs").has_value());
  std::optional<dispatch::Result<void>> removed;
  house.service->remove("jobs", [&](dispatch::Result<void> result) { removed = result; });
  house.until([&] { return removed.has_value(); });
  CHECK(removed->has_value());
  CHECK_FALSE(house.service->stats("jobs").has_value());
}

TEST_CASE("deliveries that must wait for a commit hold back those that need not") {
  House house;
  REQUIRE(house.create("jobs", "jobs/+").has_value());
  Client leaver;
  Client stayer;
  const auto first = house.service->open_session(leaver, {.receive_maximum = 2});
  for (protocol::PacketId id = 1; id <= 4; ++id) {
    REQUIRE(
        house.service->publish(first, id, house.message("jobs/a", std::to_string(id))).has_value());
  }
  house.until([&] { return leaver.stored.size() == 4; });
  REQUIRE(house.service->subscribe(first, {"default", "jobs/+"}, dispatch::IfMissing::refuse)
              .has_value());
  house.until([&] { return leaver.delivered.size() == 2; });
  // 1 and 2 come back with an attempt to be written; 3 and 4 are durable already.
  house.service->close_session(first, dispatch::Leave::lost);
  const auto second = house.service->open_session(stayer, {});
  REQUIRE(house.service->subscribe(second, {"default", "jobs/+"}, dispatch::IfMissing::refuse)
              .has_value());
  house.until([&] { return stayer.delivered.size() == 4; });
  for (int i = 0; i < 4; ++i) {
    CHECK(stayer.delivered[static_cast<std::size_t>(i)].message->payload == std::to_string(i + 1));
  }
  CHECK(stayer.delivered[0].attempt == 2);
  CHECK(stayer.delivered[2].attempt == 1);
}

}  // namespace
}  // namespace proxy
