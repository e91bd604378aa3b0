#include <doctest/doctest.h>

#include "proxy/upstream_paho.h"
#include "tests/support/fake_broker.h"
#include "tests/support/upstream_client.h"

// The Paho link against a broker of bytes: what Mosquitto doesn't do on demand.

namespace {

using namespace std::chrono_literals;
using protocol::PropertyId;
using protocol::QoS;
using protocol::ReasonCode;
using protocol::Version;
using test::bytes;
using test::connect_as;
using test::FakeBroker;
using test::hex;
using test::publish_to;
using test::run_for;
using test::run_until;
using test::subscribe_to;
using test::UpstreamClient;

const std::string connack_v5 = bytes("20 03 00 00 00");

struct Scene {
  explicit Scene(std::vector<FakeBroker::Script> scripts) : broker(std::move(scripts)) {
    proxy::UpstreamPahoOptions options;
    options.target.host = "localhost";  // through a look-up
    options.target.port = broker.port();
    options.connect_timeout = 1'000ms;
    upstream = proxy::make_upstream_paho(core, options);
  }

  FakeBroker broker;
  boost::asio::io_context core;
  std::unique_ptr<proxy::Upstream> upstream;
};

}  // namespace

TEST_CASE("CONNECT goes out with the client's own identity") {
  std::string seen;
  Scene scene({[&](FakeBroker::Connection& c) {
    seen = c.read();
    c.write(connack_v5);
  }});
  auto connect = connect_as("me", Version::v5);
  connect.clean_start = false;
  connect.username = "";  // of length zero, not absent
  connect.password = "";
  connect.will.emplace();
  connect.will->topic = "w";
  connect.will->payload = "bye";
  connect.will->qos = QoS::exactly_once;
  connect.will->retain = true;
  connect.will->properties.add(PropertyId::will_delay_interval, 0xFFFFFFFFU);
  connect.properties.add(PropertyId::session_expiry_interval, 0xFFFFFFFFU);
  connect.properties.add(PropertyId::receive_maximum, 9U);
  connect.properties.add(PropertyId::topic_alias_maximum, 10U);
  connect.properties.add(PropertyId::request_problem_information, 0U);
  connect.properties.add_user("k", "v");
  UpstreamClient client(scene.core, *scene.upstream);
  CHECK(client.connects(connect));
  client.drop();
  scene.broker.join();
  CHECK(hex(seen) ==
        "10 32 00 04 4d 51 54 54 05 f4 00 3c "  // flags: user, password, will; keep alive 60
        "11 11 ff ff ff ff 21 00 09 17 00 26 00 01 6b 00 01 76 "
        "00 02 6d 65 "
        "05 18 ff ff ff ff 00 01 77 00 03 62 79 65 "
        "00 00 00 00");
}

TEST_CASE("CONNACK comes with every property of the broker") {
  Scene scene({[](FakeBroker::Connection& c) {
    c.read();
    c.write(bytes("20 15 01 00 12 21 00 05 24 01 25 00 13 00 0a 12 00 01 78 28 00 29 00"));
    c.read();
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  const auto connack = client.connect(connect_as("", Version::v5));
  CHECK(connack.session_present);
  CHECK(connack.properties.number(PropertyId::receive_maximum) == 5);
  CHECK(connack.properties.number(PropertyId::maximum_qos) == 1);
  CHECK(connack.properties.number(PropertyId::retain_available) == 0);
  CHECK(connack.properties.number(PropertyId::server_keep_alive) == 10);
  CHECK(*connack.properties.text(PropertyId::assigned_client_identifier) == "x");
  CHECK(connack.properties.number(PropertyId::wildcard_subscription_available) == 0);
  CHECK(connack.properties.number(PropertyId::subscription_identifier_available) == 0);
  client.drop();
}

TEST_CASE("refusals keep their code") {
  const auto refuse = [](const char* connack) {
    return [connack](FakeBroker::Connection& c) {
      c.read();
      c.write(bytes(connack));
    };
  };
  Scene scene({refuse("20 03 00 8a 00"), refuse("20 03 00 86 00"), refuse("20 02 00 02"),
               refuse("20 02 00 04"), refuse("20 02 00 01")});
  const auto reason = [&](Version version) {
    UpstreamClient client(scene.core, *scene.upstream);
    return client.connect(connect_as("x", version)).reason;
  };
  CHECK(reason(Version::v5) == ReasonCode::banned);
  CHECK(reason(Version::v5) == ReasonCode::bad_user_name_or_password);
  CHECK(reason(Version::v3_1_1) == ReasonCode::client_identifier_not_valid);
  CHECK(reason(Version::v3_1_1) == ReasonCode::bad_user_name_or_password);
  CHECK(reason(Version::v5) == ReasonCode::unsupported_protocol_version);  // a 3.1.1 broker
}

TEST_CASE("a broker that accepts and says nothing gives CONNACK 0x88 in time") {
  bool cut = false;
  Scene scene({[&](FakeBroker::Connection& c) {
    c.read();
    cut = c.closed_by_peer();
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  CHECK(client.connect(connect_as("x", Version::v5)).reason == ReasonCode::server_unavailable);
  scene.broker.join();
  CHECK(cut);
}

TEST_CASE("the broker's DISCONNECT is relayed with reason and properties, and is the last event") {
  Scene scene({[](FakeBroker::Connection& c) {
    c.read();
    c.write(connack_v5);
    c.write(bytes("e0 0e 9d 0c 1c 00 05 6f 74 68 65 72 1f 00 01 77"));
    c.closed_by_peer();
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  REQUIRE(client.connects(connect_as("x", Version::v5)));
  REQUIRE(client.gets<protocol::Disconnect>());
  CHECK(client.last<protocol::Disconnect>()->reason == ReasonCode::server_moved);
  const auto& properties = client.last<protocol::Disconnect>()->properties;
  CHECK(*properties.text(PropertyId::server_reference) == "other");
  CHECK(*properties.text(PropertyId::reason_string) == "w");
  run_for(scene.core, 50ms);
  CHECK_FALSE(client.lost);
}

TEST_CASE("the client's DISCONNECT goes out with reason and properties") {
  std::string seen;
  Scene scene({[&](FakeBroker::Connection& c) {
    c.read();
    c.write(connack_v5);
    seen = c.read();
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  REQUIRE(client.connects(connect_as("x", Version::v5)));
  protocol::Disconnect disconnect;
  disconnect.reason = ReasonCode::disconnect_with_will;
  disconnect.properties.add(PropertyId::session_expiry_interval, 60U);
  client.send(disconnect);
  client.drop();
  run_for(scene.core, 200ms);
  scene.broker.join();
  CHECK(hex(seen) == "e0 07 04 05 11 00 00 00 3c");
}

TEST_CASE("an abrupt end sends no DISCONNECT") {
  bool closed = false;
  Scene scene({[&](FakeBroker::Connection& c) {
    c.read();
    c.write(connack_v5);
    closed = c.closed_by_peer();
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  REQUIRE(client.connects(connect_as("x", Version::v5)));
  client.drop();
  scene.broker.join();
  CHECK(closed);
}

TEST_CASE("refused publishes keep the broker's code") {
  Scene scene({[](FakeBroker::Connection& c) {
    c.read();
    c.write(connack_v5);
    c.read();
    c.write(bytes("40 04 01 f4 97 00"));
    c.read();
    c.write(bytes("50 04 01 f5 87 00"));
    c.closed_by_peer();
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  REQUIRE(client.connects(connect_as("x", Version::v5)));
  client.send(publish_to("t", "1", QoS::at_least_once, 500));
  REQUIRE(client.gets<protocol::Puback>());
  CHECK(client.last<protocol::Puback>()->packet_id == 500);
  CHECK(client.last<protocol::Puback>()->reason == ReasonCode::quota_exceeded);
  client.send(publish_to("t", "2", QoS::exactly_once, 501));
  REQUIRE(client.gets<protocol::Pubrec>());
  CHECK(client.last<protocol::Pubrec>()->packet_id == 501);
  CHECK(client.last<protocol::Pubrec>()->reason == ReasonCode::not_authorized);
  client.drop();
}

TEST_CASE("refused subscriptions keep their codes, alone and among others") {
  Scene scene({[](FakeBroker::Connection& c) {
    c.read();
    c.write(connack_v5);
    c.read();
    c.write(bytes("90 04 00 01 00 87"));
    c.read();
    c.write(bytes("90 0a 00 01 05 1f 00 02 6e 6f 97 01"));
    c.closed_by_peer();
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  REQUIRE(client.connects(connect_as("x", Version::v5)));
  auto subscribe = subscribe_to("a", QoS::at_least_once);
  CHECK(client.subscribe(subscribe).reasons == std::vector{ReasonCode::not_authorized});
  subscribe.subscriptions.push_back(subscribe_to("b", QoS::at_least_once).subscriptions[0]);
  const auto suback = client.subscribe(subscribe);
  CHECK(suback.reasons == std::vector{ReasonCode::quota_exceeded, ReasonCode::granted_qos_1});
  REQUIRE(suback.properties.text(PropertyId::reason_string));
  CHECK(*suback.properties.text(PropertyId::reason_string) == "no");
  client.drop();
}

TEST_CASE("a 3.1.1 SUBACK 0x80 is relayed") {
  Scene scene({[](FakeBroker::Connection& c) {
    c.read();
    c.write(bytes("20 02 00 00"));
    c.read();
    c.write(bytes("90 03 00 01 80"));
    c.read();
    c.write(bytes("90 04 00 01 80 01"));
    c.closed_by_peer();
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  REQUIRE(client.connects(connect_as("x", Version::v3_1_1)));
  auto subscribe = subscribe_to("a", QoS::at_least_once);
  CHECK(client.subscribe(subscribe).reasons == std::vector{ReasonCode::unspecified_error});
  subscribe.subscriptions.push_back(subscribe_to("b", QoS::at_least_once).subscriptions[0]);
  CHECK(client.subscribe(subscribe).reasons ==
        std::vector{ReasonCode::unspecified_error, ReasonCode::granted_qos_1});
  client.drop();
}

TEST_CASE("messages are acknowledged by the session, when and as it says") {
  std::vector<std::string> seen;
  Scene scene({[&](FakeBroker::Connection& c) {
    c.read();
    c.write(connack_v5);
    c.write(bytes("32 07 00 01 74 00 09 00 61"));
    c.write(bytes("3c 07 00 01 74 00 07 00 62"));
    seen.push_back(c.read());
    seen.push_back(c.read());
    c.write(bytes("62 02 00 07"));
    seen.push_back(c.read());
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  client.acknowledges = false;
  REQUIRE(client.connects(connect_as("x", Version::v5)));
  REQUIRE(client.gets<protocol::Publish>(2));
  const auto* second = client.last<protocol::Publish>();
  CHECK(second->packet_id == 7);
  CHECK(second->qos == QoS::exactly_once);
  CHECK(second->dup);
  run_for(scene.core, 50ms);
  CHECK(seen.empty());
  client.send(protocol::Pubrec{7});
  client.send(protocol::Puback{9, ReasonCode::quota_exceeded, {}});
  REQUIRE(client.gets<protocol::Pubrel>());
  CHECK(client.last<protocol::Pubrel>()->packet_id == 7);
  client.send(protocol::Pubcomp{7});
  run_for(scene.core, 50ms);
  client.drop();
  scene.broker.join();
  REQUIRE(seen.size() == 3);
  CHECK(hex(seen[0]) == "50 02 00 07");
  CHECK(hex(seen[1]) == "40 03 00 09 97");
  CHECK(hex(seen[2]) == "70 02 00 07");
}

TEST_CASE("a QoS 2 publish is relayed step by step, with every reason") {
  std::string publish;
  std::string pubrel;
  Scene scene({[&](FakeBroker::Connection& c) {
    c.read();
    c.write(connack_v5);
    publish = c.read();
    c.write(bytes("50 03 01 f5 10"));
    pubrel = c.read();
    c.write(bytes("70 04 01 f5 92 00"));
    c.closed_by_peer();
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  client.acknowledges = false;
  REQUIRE(client.connects(connect_as("x", Version::v5)));
  auto sent = publish_to("t", "x", QoS::exactly_once, 501);
  sent.dup = true;
  client.send(sent);
  REQUIRE(client.gets<protocol::Pubrec>());
  CHECK(client.last<protocol::Pubrec>()->reason == ReasonCode::no_matching_subscribers);
  client.send(protocol::Pubrel{501});
  REQUIRE(client.gets<protocol::Pubcomp>());
  CHECK(client.last<protocol::Pubcomp>()->reason == ReasonCode::packet_identifier_not_found);
  client.drop();
  scene.broker.join();
  CHECK(hex(publish) == "3c 07 00 01 74 01 f5 00 78");
  CHECK(hex(pubrel) == "62 02 01 f5");
}

TEST_CASE("a refused CONNACK keeps its properties") {
  Scene scene({[](FakeBroker::Connection& c) {
    c.read();
    c.write(bytes("20 09 00 9b 06 24 00 1f 00 01 71"));
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  const auto connack = client.connect(connect_as("x", Version::v5));
  CHECK(connack.reason == ReasonCode::qos_not_supported);
  CHECK(connack.properties.number(PropertyId::maximum_qos) == 0);
  CHECK(*connack.properties.text(PropertyId::reason_string) == "q");
}

TEST_CASE("a broker that closes without a CONNACK gives none") {
  Scene scene({[](FakeBroker::Connection& c) { c.read(); }});
  UpstreamClient client(scene.core, *scene.upstream);
  client.send(connect_as("x", Version::v3_1_1));
  CHECK(run_until(scene.core, [&] { return client.lost.has_value(); }));
  CHECK(client.packets.empty());
}

TEST_CASE("a PINGREQ arrives behind what was sent, and its answer behind what the broker sent") {
  std::vector<std::string> seen;
  Scene scene({[&](FakeBroker::Connection& c) {
    c.read();
    c.write(connack_v5);
    seen = {c.read(), c.read(), c.read()};
    c.write(bytes("30 05 00 01 75 00 79 d0 00 30 05 00 01 76 00 79"));
    c.closed_by_peer();
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  REQUIRE(client.connects(connect_as("x", Version::v5)));
  client.send(publish_to("t", "1", QoS::at_most_once));
  client.send(publish_to("t", "2", QoS::at_most_once));
  client.send(protocol::Pingreq{});
  REQUIRE(client.gets<protocol::Publish>(2));
  client.drop();
  scene.broker.join();
  REQUIRE(seen.size() == 3);
  CHECK(hex(seen[2]) == "c0 00");
  REQUIRE(client.packets.size() == 4);  // CONNACK is the first
  CHECK(std::get<protocol::Publish>(client.packets[1]).topic == "u");
  CHECK(std::holds_alternative<protocol::Pingresp>(client.packets[2]));
}

TEST_CASE("the link pings as the broker's Server Keep Alive asks, unseen") {
  std::vector<std::string> seen;
  Scene scene({[&](FakeBroker::Connection& c) {
    c.read();
    c.write(bytes("20 06 00 00 03 13 00 01"));  // 1 s
    for (int i = 0; i < 2; ++i) {
      seen.push_back(c.read());
      c.write(bytes("d0 00"));
    }
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  REQUIRE(client.connects(connect_as("x", Version::v5)));
  REQUIRE(run_until(scene.core, [&] { return client.lost.has_value(); }));
  scene.broker.join();
  CHECK(seen == std::vector{bytes("c0 00"), bytes("c0 00")});
  CHECK(client.packets.size() == 1);
}

TEST_CASE("a broker that breaks the protocol is left") {
  Scene scene({[](FakeBroker::Connection& c) {
    c.read();
    c.write(connack_v5);
    c.write(bytes("82 06 00 01 00 00 01 74"));  // SUBSCRIBE
    c.closed_by_peer();
  }});
  UpstreamClient client(scene.core, *scene.upstream);
  REQUIRE(client.connects(connect_as("x", Version::v5)));
  CHECK(run_until(scene.core, [&] { return client.lost.has_value(); }));
}
