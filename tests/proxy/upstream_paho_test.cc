#include "proxy/upstream_paho.h"

#include <doctest/doctest.h>

#include <fstream>
#include <set>

#include "tests/proxy/upstream_paho_scene.h"

// The Paho link against a real Mosquitto.

namespace {

using namespace std::chrono_literals;
using protocol::PropertyId;
using protocol::QoS;
using protocol::ReasonCode;
using protocol::Version;
using test::both_versions;
using test::connect_as;
using test::publish_to;
using test::run_for;
using test::run_until;
using test::subscribe_to;
using test::UpstreamClient;
using Scene = test::MosquittoScene;

protocol::Will will_on(const std::string& topic) {
  protocol::Will will;
  will.topic = topic;
  will.payload = std::string("gone\0", 5);
  will.qos = QoS::at_least_once;
  return will;
}

}  // namespace

TEST_CASE("CONNECT is answered with the broker's CONNACK") {
  Scene scene;
  if (!scene.there) return;
  for (const auto version : both_versions) {
    auto client = scene.client();
    const auto connack = client.connect(connect_as("one", version));
    CHECK(connack.reason == ReasonCode::success);
    CHECK_FALSE(connack.session_present);
    // Mosquitto 2.0 announces its max_inflight_messages to 5.0 clients.
    CHECK(connack.properties.has(PropertyId::receive_maximum) == (version == Version::v5));
  }
}

TEST_CASE("an empty client identifier gets one assigned") {
  Scene scene;
  if (!scene.there) return;
  auto client = scene.client();
  const auto connack = client.connect(connect_as("", Version::v5));
  CHECK(connack.reason == ReasonCode::success);
  REQUIRE(connack.properties.text(PropertyId::assigned_client_identifier));
  CHECK_FALSE(connack.properties.text(PropertyId::assigned_client_identifier)->empty());
}

TEST_CASE("a refusal carries the broker's code") {
  const auto passwords = test::Mosquitto::directory() / "passwords";
  std::ofstream(passwords) << "ann:secret\n";
  const std::string make = "mosquitto_passwd -U " + passwords.string();
  if (std::system(make.c_str()) != 0) {
    MESSAGE("skipped: mosquitto_passwd is not installed");
    return;
  }
  Scene scene("allow_anonymous false\npassword_file " + passwords.string() + "\n");
  if (!scene.there) return;
  for (const auto version : both_versions) {
    auto anonymous = scene.client();
    CHECK(anonymous.connect(connect_as("a", version)).reason == ReasonCode::not_authorized);
    CHECK_FALSE(anonymous.lost);
    auto wrong = scene.client();
    auto connect = connect_as("b", version);
    connect.username = "ann";
    connect.password = "guess";
    CHECK(wrong.connect(connect).reason == ReasonCode::not_authorized);
    auto right = scene.client();
    connect.password = "secret";
    CHECK(right.connects(connect));
  }
}

TEST_CASE("a broker that can't be reached gives CONNACK 0x88") {
  boost::asio::io_context core;
  proxy::UpstreamPahoOptions options;
  options.target.port = test::free_port();
  const auto upstream = proxy::make_upstream_paho(core, options);
  for (const auto version : both_versions) {
    UpstreamClient client(core, *upstream);
    CHECK(client.connect(connect_as("one", version)).reason == ReasonCode::server_unavailable);
    run_for(core, 50ms);
    CHECK(client.packets.size() == 1);
    CHECK_FALSE(client.lost);
  }
  options.target.host = "no-such-host.invalid";
  const auto nowhere = proxy::make_upstream_paho(core, options);
  UpstreamClient client(core, *nowhere);
  CHECK(client.connect(connect_as("one", Version::v5)).reason == ReasonCode::server_unavailable);
}

TEST_CASE("messages travel both ways at every QoS in both versions") {
  Scene scene;
  if (!scene.there) return;
  for (const auto version : both_versions) {
    auto publisher = scene.client();
    auto subscriber = scene.client();
    REQUIRE(publisher.connects(connect_as("publisher", version)));
    REQUIRE(subscriber.connects(connect_as("subscriber", version)));
    CHECK(subscriber.subscribe(subscribe_to("t/+", QoS::exactly_once)).reasons ==
          std::vector{ReasonCode::granted_qos_2});
    publisher.send(publish_to("t/0", std::string("\0zero", 5), QoS::at_most_once));
    publisher.send(publish_to("t/1", "one", QoS::at_least_once, 11));
    publisher.send(publish_to("t/2", "", QoS::exactly_once, 12));
    REQUIRE(subscriber.gets<protocol::Publish>(3));
    REQUIRE(publisher.gets<protocol::Puback>());
    REQUIRE(publisher.gets<protocol::Pubrec>());
    CHECK(publisher.last<protocol::Puback>()->packet_id == 11);
    CHECK(publisher.last<protocol::Pubrec>()->packet_id == 12);
    REQUIRE(publisher.gets<protocol::Pubcomp>());
    CHECK(publisher.last<protocol::Pubcomp>()->packet_id == 12);

    std::set<std::pair<std::string, std::string>> got;
    for (const auto& packet : subscriber.packets) {
      const auto* p = std::get_if<protocol::Publish>(&packet);
      if (!p) continue;
      got.emplace(p->topic, p->payload);
      CHECK((p->packet_id != 0) == (p->qos != QoS::at_most_once));
      CHECK(p->topic == "t/" + std::to_string(static_cast<int>(p->qos)));
    }
    CHECK(got.contains({"t/0", std::string("\0zero", 5)}));
    CHECK(got.contains({"t/1", "one"}));
    CHECK(got.contains({"t/2", ""}));
  }
}

TEST_CASE("properties of a PUBLISH arrive as sent") {
  Scene scene;
  if (!scene.there) return;
  auto client = scene.client();
  REQUIRE(client.connects(connect_as("one", Version::v5)));
  auto first = subscribe_to("p/#", QoS::at_least_once);
  first.properties.add(PropertyId::subscription_identifier, 7U);
  client.subscribe(first);
  auto second = subscribe_to("p/x", QoS::at_least_once, 2);
  second.properties.add(PropertyId::subscription_identifier, 268'435'455U);
  client.subscribe(second);
  auto publish = publish_to("p/x", "{}", QoS::at_least_once, 1);
  publish.properties.add(PropertyId::payload_format_indicator, 1U);
  publish.properties.add(PropertyId::content_type, std::string("application/json"));
  publish.properties.add(PropertyId::response_topic, std::string("answers"));
  publish.properties.add(PropertyId::correlation_data, std::string("\0\1\2", 3));
  publish.properties.add_user("b", "1");
  publish.properties.add_user("a", "");
  publish.properties.add_user("b", "2");
  client.send(publish);
  std::set<std::uint32_t> identifiers;
  REQUIRE(client.gets<protocol::Publish>());
  run_for(scene.core, 100ms);  // Mosquitto may send one PUBLISH per matching subscription
  for (const auto& packet : client.packets) {
    const auto* got = std::get_if<protocol::Publish>(&packet);
    if (!got) continue;
    std::vector<protocol::Property> rest;
    for (const auto& property : got->properties.items()) {
      if (property.id == PropertyId::subscription_identifier) {
        identifiers.insert(std::get<std::uint32_t>(property.value));
      }
    }
    for (const auto& sent : publish.properties.items()) {
      CAPTURE(protocol::name(sent.id));
      CHECK(std::count(got->properties.items().begin(), got->properties.items().end(), sent) == 1);
    }
    std::vector<protocol::StringPair> user;
    for (const auto& property : got->properties.items()) {
      if (property.id == PropertyId::user_property) {
        user.push_back(std::get<protocol::StringPair>(property.value));
      }
    }
    CHECK(user == std::vector<protocol::StringPair>{{"b", "1"}, {"a", ""}, {"b", "2"}});
  }
  CHECK(identifiers == std::set<std::uint32_t>{7, 268'435'455});
}

TEST_CASE("SUBSCRIBE and UNSUBSCRIBE are answered per filter, in order") {
  const auto acl = test::Mosquitto::directory() / "acl";
  std::ofstream(acl) << "topic readwrite open/#\n";
  Scene scene("allow_anonymous true\nacl_file " + acl.string() + "\n");
  if (!scene.there) return;
  for (const auto version : both_versions) {
    auto client = scene.client();
    REQUIRE(client.connects(connect_as("one", version)));
    auto subscribe = subscribe_to("open/a", QoS::exactly_once, 5);
    subscribe.subscriptions.push_back(subscribe_to("open/b", QoS::at_most_once).subscriptions[0]);
    subscribe.subscriptions.push_back(subscribe_to("open/c", QoS::at_least_once).subscriptions[0]);
    const auto suback = client.subscribe(subscribe);
    CHECK(suback.packet_id == 5);
    CHECK(suback.reasons ==
          std::vector{ReasonCode::granted_qos_2, ReasonCode::success, ReasonCode::granted_qos_1});
    protocol::Unsubscribe unsubscribe;
    unsubscribe.packet_id = 6;
    unsubscribe.filters = {"open/never", "open/a", "open/never too"};
    client.send(unsubscribe);
    REQUIRE(client.gets<protocol::Unsuback>());
    CHECK(client.last<protocol::Unsuback>()->packet_id == 6);
    const std::vector<ReasonCode> expected{ReasonCode::no_subscription_existed, ReasonCode::success,
                                           ReasonCode::no_subscription_existed};
    CHECK(client.last<protocol::Unsuback>()->reasons ==
          (version == Version::v5 ? expected : std::vector<ReasonCode>{}));
    unsubscribe.filters = {"open/never"};
    unsubscribe.packet_id = 7;
    client.send(unsubscribe);
    REQUIRE(client.gets<protocol::Unsuback>(2));
    CHECK(client.last<protocol::Unsuback>()->reasons.size() == (version == Version::v5 ? 1U : 0U));
    if (version == Version::v5) {
      CHECK(client.last<protocol::Unsuback>()->reasons[0] == ReasonCode::no_subscription_existed);
    }
  }
}

TEST_CASE("subscription options reach the broker, for one filter and for several") {
  Scene scene;
  if (!scene.there) return;
  auto client = scene.client();
  REQUIRE(client.connects(connect_as("one", Version::v5)));
  auto retained = publish_to("r/1", "kept", QoS::at_least_once, 1);
  retained.retain = true;
  client.send(retained);
  REQUIRE(client.gets<protocol::Puback>());
  for (const bool several : {false, true}) {
    auto subscribe = subscribe_to("r/1", QoS::at_least_once);
    subscribe.subscriptions[0].retain_handling = protocol::RetainHandling::never;
    subscribe.subscriptions[0].no_local = true;
    if (several) subscribe.subscriptions.push_back(subscribe_to("z", QoS{}).subscriptions[0]);
    client.subscribe(subscribe);
    client.send(publish_to("r/1", "own", QoS::at_least_once, 2));
    run_for(scene.core, 150ms);
    CHECK(client.count<protocol::Publish>() == 0);
  }
  auto as_published = subscribe_to("r/2", QoS::at_least_once);
  as_published.subscriptions[0].retain_as_published = true;
  client.subscribe(as_published);
  retained.topic = "r/2";
  client.send(retained);
  REQUIRE(client.gets<protocol::Publish>());
  CHECK(client.last<protocol::Publish>()->retain);
}

TEST_CASE("a dropped link fires the Will, a DISCONNECT doesn't, a DISCONNECT 0x04 does") {
  Scene scene;
  if (!scene.there) return;
  for (const auto version : both_versions) {
    auto watcher = scene.client();
    REQUIRE(watcher.connects(connect_as("watcher", version)));
    watcher.subscribe(subscribe_to("will/#", QoS::at_least_once));

    auto polite = scene.client();
    auto connect = connect_as("polite", version);
    connect.will = will_on("will/polite");
    REQUIRE(polite.connects(connect));
    polite.send(protocol::Disconnect{});
    polite.drop();

    auto dropped = scene.client();
    connect = connect_as("dropped", version);
    connect.will = will_on("will/dropped");
    if (version == Version::v5) connect.will->properties.add_user("why", "lost");
    REQUIRE(dropped.connects(connect));
    dropped.drop();

    REQUIRE(watcher.gets<protocol::Publish>());
    const auto& will = *watcher.last<protocol::Publish>();
    CHECK(will.topic == "will/dropped");
    CHECK(will.payload == std::string("gone\0", 5));
    if (version == Version::v5) {
      const auto& items = will.properties.items();
      const protocol::Property sent{PropertyId::user_property, protocol::StringPair{"why", "lost"}};
      CHECK(std::count(items.begin(), items.end(), sent) == 1);

      auto explicit_will = scene.client();
      connect = connect_as("explicit", version);
      connect.will = will_on("will/explicit");
      REQUIRE(explicit_will.connects(connect));
      explicit_will.send(protocol::Disconnect{ReasonCode::disconnect_with_will, {}});
      explicit_will.drop();
      REQUIRE(watcher.gets<protocol::Publish>(2));
      CHECK(watcher.last<protocol::Publish>()->topic == "will/explicit");
    }
    run_for(scene.core, 100ms);
    CHECK(watcher.count<protocol::Publish>() == (version == Version::v5 ? 2U : 1U));
  }
}

TEST_CASE("what was sent before DISCONNECT, or before the link's end, arrives") {
  Scene scene;
  if (!scene.there) return;
  auto watcher = scene.client();
  REQUIRE(watcher.connects(connect_as("watcher", Version::v5)));
  watcher.subscribe(subscribe_to("last/#", QoS::at_least_once));
  std::size_t expected = 0;
  for (const auto version : both_versions) {
    for (const bool polite : {true, false}) {
      auto client = scene.client();
      REQUIRE(client.connects(connect_as("short-lived", version)));
      for (int i = 0; i < 300; ++i) {
        client.send(publish_to("last/0", std::to_string(i), QoS::at_most_once));
      }
      if (polite) client.send(protocol::Disconnect{});
      client.drop();
      expected += 300;
      CHECK(watcher.gets<protocol::Publish>(expected));
    }
  }
  // In order, too.
  int next = 0;
  for (const auto& packet : watcher.packets) {
    const auto* publish = std::get_if<protocol::Publish>(&packet);
    if (!publish) continue;
    CHECK(publish->payload == std::to_string(next));
    next = (next + 1) % 300;
  }
}

TEST_CASE("a session is resumed, with what the broker kept") {
  Scene scene;
  if (!scene.there) return;
  for (const auto version : both_versions) {
    auto connect = connect_as("durable", version);
    connect.clean_start = false;
    if (version == Version::v5) {
      connect.properties.add(PropertyId::session_expiry_interval, 0xFFFFFFFFU);
    }
    auto first = scene.client();
    CHECK_FALSE(first.connect(connect).session_present);
    first.subscribe(subscribe_to("kept", QoS::at_least_once));
    first.drop();
    auto publisher = scene.client();
    REQUIRE(publisher.connects(connect_as("publisher", version)));
    publisher.send(publish_to("kept", "meanwhile", QoS::at_least_once, 1));
    REQUIRE(publisher.gets<protocol::Puback>());
    auto second = scene.client();
    CHECK(second.connect(connect).session_present);
    REQUIRE(second.gets<protocol::Publish>());
    CHECK(second.last<protocol::Publish>()->payload == "meanwhile");
    auto clean = scene.client();
    CHECK_FALSE(clean.connect(connect_as("durable", version)).session_present);
  }
}

TEST_CASE("a broker that dies ends every link with on_upstream_lost") {
  Scene scene;
  if (!scene.there) return;
  auto one = scene.client();
  auto two = scene.client();
  REQUIRE(one.connects(connect_as("one", Version::v3_1_1)));
  REQUIRE(two.connects(connect_as("two", Version::v5)));
  scene.broker->kill();
  REQUIRE(run_until(scene.core, [&] { return one.lost && two.lost; }));
  const auto before = two.packets.size();
  two.send(publish_to("t", "too late", QoS::at_least_once, 1));
  run_for(scene.core, 50ms);
  CHECK(two.packets.size() == before);
}

TEST_CASE("a takeover ends the old link and leaves the new one alone") {
  Scene scene;
  if (!scene.there) return;
  for (const auto version : both_versions) {
    auto first = scene.client();
    REQUIRE(first.connects(connect_as("same", version)));
    auto second = scene.client();
    REQUIRE(second.connects(connect_as("same", version)));
    // Mosquitto 2.0.11 closes without DISCONNECT.
    CHECK(run_until(scene.core, [&] { return first.lost || first.count<protocol::Disconnect>(); }));
    run_for(scene.core, 50ms);
    CHECK_FALSE(second.lost);
  }
}

TEST_CASE("a client that comes back at once doesn't overtake its own last words") {
  Scene scene;
  if (!scene.there) return;
  auto watcher = scene.client();
  REQUIRE(watcher.connects(connect_as("watcher", Version::v5)));
  watcher.subscribe(subscribe_to("last/#", QoS::at_most_once));
  for (int i = 0; i < 20; ++i) {
    auto first = scene.client();
    auto connect = connect_as("again", Version::v3_1_1);
    connect.will = will_on("last/will");
    REQUIRE(first.connects(connect));
    first.send(publish_to("last/words", "x", QoS::at_least_once, 1));
    first.send(protocol::Disconnect{});
    first.drop();
    auto second = scene.client();
    REQUIRE(second.connects(connect));
    second.send(protocol::Disconnect{});
  }
  REQUIRE(watcher.gets<protocol::Publish>(20));
  run_for(scene.core, 50ms);
  CHECK(watcher.count<protocol::Publish>() == 20);
  CHECK(watcher.last<protocol::Publish>()->topic == "last/words");
}
