#include "proxy/upstream_hold.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "proxy/protocol/print.h"
#include "tests/support/upstream_client.h"

using namespace std::chrono_literals;
using protocol::Packet;
using protocol::PropertyId;
using protocol::QoS;
using protocol::ReasonCode;
using protocol::Version;
using proxy::UpstreamEvents;
using proxy::UpstreamHealth;
using proxy::UpstreamLink;

namespace {

// A broker in memory: it says what the test says.
class ScriptedBroker final : public proxy::Upstream {
 public:
  struct Connection {
    UpstreamEvents* events;  // null: the link is gone
    std::vector<Packet> sent;
    std::size_t seen = 0;  // of `sent`, by the script
    template <class Type>
    const Type& last() const {
      return std::get<Type>(sent.back());
    }
  };

  std::unique_ptr<UpstreamLink> open(UpstreamEvents& events) override {
    connections.push_back(std::make_unique<Connection>(Connection{&events, {}}));
    return std::make_unique<Link>(*connections.back());
  }
  std::string address() const override { return "scripted"; }
  bool idle() const override { return true; }

  Connection& newest() { return *connections.back(); }
  void say(Packet packet) { newest().events->on_upstream(std::move(packet)); }
  void lose() { newest().events->on_upstream_lost("reset by peer"); }

  std::vector<std::unique_ptr<Connection>> connections;

 private:
  class Link final : public UpstreamLink {
   public:
    explicit Link(Connection& connection) : connection_(connection) {}
    ~Link() override { connection_.events = nullptr; }
    void send(Packet&& packet) override { connection_.sent.push_back(std::move(packet)); }
    bool can_take() const override { return false; }

   private:
    Connection& connection_;
  };
};

struct Client final : UpstreamEvents {
  void on_upstream(Packet&& packet) override { packets.push_back(std::move(packet)); }
  void on_upstream_lost(const std::string& why) override { lost = why; }
  void on_upstream_ready() override { ++ready; }
  bool can_do_without_broker() const override { return uses_queues; }

  bool uses_queues = true;
  std::vector<Packet> packets;
  std::optional<std::string> lost;
  int ready = 0;
};

struct Scene {
  explicit Scene(Version version = Version::v5, std::uint32_t expiry_s = 0,
                 bool session_present = false)
      : connect(test::connect_as("worker", version)) {
    connect.clean_start = expiry_s == 0;
    if (version == Version::v5 && expiry_s != 0) {
      connect.properties.set(PropertyId::session_expiry_interval, expiry_s);
    }
    link = upstream->open(client);
    link->send(protocol::Connect(connect));
    broker.say(protocol::Connack{session_present, ReasonCode::success, {}});
    REQUIRE(client.packets.size() == 1);
    client.packets.clear();
  }
  ~Scene() {
    link.reset();
    settle();
  }

  void settle() {
    core.restart();
    core.poll();
  }
  // Waits until the link has tried again, `n` connections in all.
  bool tries(std::size_t n) {
    return test::run_until(core, [&] { return broker.connections.size() == n; });
  }
  std::string answer_to(Packet packet) {
    client.packets.clear();
    link->send(std::move(packet));
    CHECK(client.packets.empty());  // never from within a call
    settle();
    return client.packets.empty() ? "" : protocol::to_text(client.packets.front());
  }
  void subscribe() {
    link->send(test::subscribe_to("plain", QoS::at_least_once, 9));
    protocol::Suback suback;
    suback.packet_id = 9;
    suback.reasons = {ReasonCode::granted_qos_1};
    broker.say(suback);
  }
  void is_held() {
    CHECK(held == 1);
    CHECK_FALSE(client.lost);
    CHECK(link->can_take());
  }
  void is_told() {
    CHECK(held == 0);
    CHECK(client.lost == "reset by peer");
  }

  boost::asio::io_context core;
  UpstreamHealth health = UpstreamHealth::unknown;
  std::size_t held = 0;
  std::unique_ptr<proxy::Upstream> owned = std::make_unique<ScriptedBroker>();
  ScriptedBroker& broker = static_cast<ScriptedBroker&>(*owned);
  std::unique_ptr<proxy::Upstream> upstream =
      proxy::make_upstream_hold(core, std::move(owned), {1ms, 4ms}, health, held);
  Client client;
  protocol::Connect connect;
  std::unique_ptr<UpstreamLink> link;
};

constexpr const char* away = "the broker is away; queues are served meanwhile";

}  // namespace

TEST_CASE("a session of queues is not told that the broker went, and is with it again") {
  Scene scene;
  scene.broker.lose();
  scene.is_held();
  REQUIRE(scene.tries(2));
  CHECK(scene.broker.newest().last<protocol::Connect>() == scene.connect);
  scene.broker.say(protocol::Connack{});
  CHECK(scene.held == 0);
  CHECK(scene.health == UpstreamHealth::reachable);
  CHECK(scene.client.packets.empty());  // it has its CONNACK
  scene.link->send(test::publish_to("t", "x", QoS::at_least_once, 3));
  CHECK(scene.broker.newest().last<protocol::Publish>().packet_id == 3);
}

TEST_CASE("a broker that shuts down is one that went away; other reasons are the session's") {
  Scene scene;
  SUBCASE("0x8B") {
    scene.broker.say(protocol::Disconnect{ReasonCode::server_shutting_down, {}});
    scene.is_held();
    CHECK(scene.client.packets.empty());
  }
  SUBCASE("0x8E") {
    scene.broker.say(protocol::Disconnect{ReasonCode::session_taken_over, {}});
    CHECK(scene.held == 0);
    CHECK(scene.client.packets.size() == 1);
  }
}

TEST_CASE("it goes on trying as long as the broker can't be reached") {
  Scene scene;
  scene.broker.lose();
  for (std::size_t n = 2; n < 6; ++n) {
    REQUIRE(scene.tries(n));
    if (n % 2 == 0) {
      scene.broker.say(protocol::Connack{false, ReasonCode::server_unavailable, {}});
      CHECK(scene.health == UpstreamHealth::unreachable);
    } else {
      scene.broker.lose();
    }
    scene.is_held();
  }
}

TEST_CASE("a session that can't do without the broker is told") {
  Scene scene;
  scene.client.uses_queues = false;
  scene.broker.lose();
  scene.is_told();
}

TEST_CASE("what is not answered for good can't be held") {
  Scene scene;
  SUBCASE("a publish") {
    scene.link->send(test::publish_to("t", "x", QoS::at_least_once, 1));
    scene.broker.lose();
    scene.is_told();
  }
  SUBCASE("a publish of QoS 2 until PUBCOMP") {
    scene.link->send(test::publish_to("t", "x", QoS::exactly_once, 1));
    scene.broker.say(protocol::Pubrec{1, {}, {}});
    scene.link->send(protocol::Pubrel{1, {}, {}});
    scene.broker.lose();
    scene.is_told();
  }
  SUBCASE("a publish of QoS 2, answered") {
    scene.link->send(test::publish_to("t", "x", QoS::exactly_once, 1));
    scene.broker.say(protocol::Pubrec{1, {}, {}});
    scene.link->send(protocol::Pubrel{1, {}, {}});
    scene.broker.say(protocol::Pubcomp{1, {}, {}});
    scene.broker.lose();
    scene.is_held();
  }
  SUBCASE("a publish of QoS 2, refused") {
    scene.link->send(test::publish_to("t", "x", QoS::exactly_once, 1));
    scene.broker.say(protocol::Pubrec{1, ReasonCode::quota_exceeded, {}});
    scene.broker.lose();
    scene.is_held();
  }
  SUBCASE("a message of the broker") {
    scene.broker.say(test::publish_to("t", "x", QoS::at_least_once, 1));
    scene.broker.lose();
    scene.is_told();
  }
  SUBCASE("a message of the broker, acknowledged") {
    scene.broker.say(test::publish_to("t", "x", QoS::at_least_once, 1));
    scene.link->send(protocol::Puback{1, {}, {}});
    scene.broker.lose();
    scene.is_held();
  }
  SUBCASE("SUBSCRIBE") {
    scene.link->send(test::subscribe_to("t", QoS::at_least_once, 1));
    scene.broker.lose();
    scene.is_told();
  }
}

TEST_CASE("subscriptions at the broker outlast it only in a persistent session") {
  SUBCASE("not persistent") {
    Scene scene;
    scene.subscribe();
    scene.broker.lose();
    scene.is_told();
  }
  SUBCASE("persistent") {
    Scene scene(Version::v3_1_1, 1);
    scene.subscribe();
    scene.broker.lose();
    scene.is_held();
    REQUIRE(scene.tries(2));
    SUBCASE("and kept") {
      scene.broker.say(protocol::Connack{true, {}, {}});
      CHECK(scene.held == 0);
      CHECK_FALSE(scene.client.lost);
    }
    SUBCASE("and forgotten all the same") {
      scene.broker.say(protocol::Connack{});
      CHECK(scene.held == 0);
      CHECK(scene.client.lost == "the broker has forgotten its session");
    }
  }
  SUBCASE("of an earlier connection, so that nobody here knows of any") {
    Scene scene(Version::v5, 60, true);
    scene.broker.lose();
    REQUIRE(scene.tries(2));
    scene.broker.say(protocol::Connack{});
    CHECK(scene.client.lost == "the broker has forgotten its session");
  }
}

TEST_CASE("a persistent session that began clean is not begun again") {
  Scene scene(Version::v5, 60);
  scene.broker.lose();
  REQUIRE(scene.tries(2));
  CHECK_FALSE(scene.broker.newest().last<protocol::Connect>().clean_start);
}

TEST_CASE("a broker that refuses to have it back ends the session") {
  Scene scene;
  scene.broker.lose();
  REQUIRE(scene.tries(2));
  scene.broker.say(protocol::Connack{false, ReasonCode::not_authorized, {}});
  CHECK(scene.client.lost == "the broker doesn't take it back: Not authorized");
  CHECK(scene.held == 0);
}

TEST_CASE("while another connects as the same client, it doesn't") {
  Scene scene;
  scene.broker.lose();
  scene.client.uses_queues = false;
  test::run_for(scene.core, 30ms);
  CHECK(scene.broker.connections.size() == 1);
  scene.client.uses_queues = true;
  CHECK(scene.tries(2));
}

TEST_CASE("without the broker, it is answered for it") {
  Scene scene;
  scene.broker.lose();
  scene.settle();
  CHECK(scene.client.ready == 1);
  CHECK(scene.answer_to(protocol::Pingreq{}) == protocol::to_text(protocol::Pingresp{}));
  const auto puback = scene.answer_to(test::publish_to("t", "x", QoS::at_least_once, 7));
  CHECK(puback.find("PUBACK") == 0);
  CHECK(puback.find(away) != std::string::npos);
  CHECK(std::get<protocol::Puback>(scene.client.packets.front()).packet_id == 7);
  CHECK(scene.answer_to(test::publish_to("t", "x", QoS::exactly_once, 8)).find("PUBREC") == 0);
  CHECK(scene.answer_to(test::publish_to("t", "x", QoS::at_most_once)).empty());
  scene.answer_to(test::subscribe_to("t", QoS::at_least_once, 4));
  CHECK(std::get<protocol::Suback>(scene.client.packets.front()).reasons ==
        std::vector{ReasonCode::implementation_specific_error});
  protocol::Unsubscribe unsubscribe;
  unsubscribe.packet_id = 5;
  unsubscribe.filters = {"a", "b"};
  scene.answer_to(unsubscribe);
  CHECK(std::get<protocol::Unsuback>(scene.client.packets.front()).reasons ==
        std::vector(2, ReasonCode::implementation_specific_error));
  CHECK(scene.answer_to(protocol::Puback{1, {}, {}}).empty());
  scene.is_held();
}

TEST_CASE("what 3.1.1 can't refuse ends the session") {
  Scene scene(Version::v3_1_1);
  scene.broker.lose();
  SUBCASE("SUBSCRIBE can be refused") {
    scene.answer_to(test::subscribe_to("t", QoS::at_least_once, 4));
    CHECK(std::get<protocol::Suback>(scene.client.packets.front()).reasons ==
          std::vector{ReasonCode::unspecified_error});
    scene.is_held();
  }
  SUBCASE("PUBLISH can't") {
    CHECK(scene.answer_to(test::publish_to("t", "x", QoS::at_least_once, 7)).empty());
    CHECK(scene.client.lost == "a PUBLISH for the broker, which is away");
    CHECK(scene.held == 0);
  }
}

TEST_CASE("a link that is destroyed without the broker is held no more") {
  Scene scene;
  scene.broker.lose();
  scene.link.reset();
  CHECK(scene.held == 0);
  test::run_for(scene.core, 10ms);
  CHECK(scene.broker.connections.size() == 1);
}
