#include "proxy/upstream_paho_bridge.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "proxy/upstream_paho_flow.h"
#include "tests/support/fake_broker.h"
#include "tests/support/upstream_client.h"

// Bytes in, bytes out: Paho on one side, the broker on the other, the session aside.

namespace {

using protocol::PropertyId;
using protocol::QoS;
using protocol::ReasonCode;
using protocol::Version;
using proxy::PahoBridge;
using test::bytes;
using test::connect_as;
using test::hex;
using test::publish_to;

struct Scene {
  explicit Scene(Version version = Version::v5) : bridge(connect_as("me", version)) {
    paho("10 10 00 04 4d 51 54 54 05 02 00 00 00 00 02 6d 65 00");
    broker(version == Version::v5 ? "20 03 00 00 00" : "20 02 00 00");
    taken(bridge.to_broker);
    taken(bridge.to_paho);
  }

  // What Paho writes; answers what the broker gets.
  std::string paho(const std::string& written) {
    const auto raw = bytes(written);
    bridge.from_paho({reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()});
    return taken(bridge.to_broker);
  }
  // What the broker writes; answers what Paho gets.
  std::string broker(const std::string& written) {
    CHECK(accepts(written));
    return taken(bridge.to_paho);
  }
  bool accepts(const std::string& written) {
    const auto raw = bytes(written);
    const auto used =
        bridge.from_broker({reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()});
    return used && *used == raw.size();
  }
  std::string sends(const protocol::Packet& packet) {
    bridge.send(packet);
    return taken(bridge.to_broker);
  }
  static std::string taken(std::string& from) { return hex(std::exchange(from, {})); }

  PahoBridge bridge;
};

protocol::Publish handed_over(PahoBridge& bridge) {
  protocol::Publish publish;
  bridge.handed_over(publish);
  return publish;
}

template <class Type>
Type next(PahoBridge& bridge) {
  const auto answer = bridge.next_answer();
  REQUIRE(answer);
  REQUIRE(std::holds_alternative<Type>(*answer));
  return std::get<Type>(*answer);
}

}  // namespace

TEST_CASE("a publish goes up with the session's identifier, QoS and DUP") {
  Scene scene;
  auto publish = publish_to("t", "x", QoS::exactly_once, 0x1234);
  publish.dup = true;
  scene.bridge.entering(publish);
  CHECK(scene.paho("30 05 00 01 74 00 78") == "3c 07 00 01 74 12 34 00 78");
  scene.bridge.entering(publish_to("t", "x", QoS::at_most_once));
  CHECK(scene.paho("30 05 00 01 74 00 78") == "30 05 00 01 74 00 78");
}

TEST_CASE("a Message Expiry Interval that Paho can't write goes up exactly") {
  Scene scene;
  auto publish = publish_to("t", "x", QoS::at_least_once, 7);
  publish.properties.add(PropertyId::content_type, "a");
  publish.properties.add(PropertyId::message_expiry_interval, 0xFFFFFFFEU);
  scene.bridge.entering(publish);
  CHECK(scene.paho("30 0e 00 01 74 09 03 00 01 61 02 7f ff ff ff 78") ==
        "32 10 00 01 74 00 07 09 03 00 01 61 02 ff ff ff fe 78");
}

TEST_CASE("the session's CONNECT goes out at once, Paho's says that it listens") {
  PahoBridge bridge(connect_as("me", Version::v5));
  CHECK(hex(bridge.to_broker) == "10 0f 00 04 4d 51 54 54 05 02 00 3c 00 00 02 6d 65");
  CHECK_FALSE(bridge.listens());
  const auto raw = bytes("10 10 00 04 4d 51 54 54 05 02 00 00 00 00 02 6d 65 00");
  bridge.to_broker.clear();
  bridge.from_paho({reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()});
  CHECK(bridge.to_broker.empty());
  CHECK(bridge.listens());
}

TEST_CASE("Paho's own pings and DISCONNECT don't reach the broker") {
  Scene scene;
  CHECK(scene.paho("c0 00").empty());
  CHECK(scene.paho("e0 00").empty());
}

TEST_CASE("the session acknowledges, with reason and properties") {
  Scene scene;
  protocol::Puback puback{7, ReasonCode::quota_exceeded, {}};
  puback.properties.add(PropertyId::reason_string, "no");
  CHECK(scene.sends(puback) == "40 09 00 07 97 05 1f 00 02 6e 6f");
  CHECK(scene.sends(protocol::Pubrec{8}) == "50 02 00 08");
  CHECK(scene.sends(protocol::Pubcomp{8}) == "70 02 00 08");
}

TEST_CASE(
    "PUBREL, PINGREQ and DISCONNECT don't overtake what is inside Paho; acknowledgements may") {
  Scene scene;
  scene.bridge.entering(publish_to("t", "", QoS::at_most_once));
  scene.bridge.entering(publish_to("u", "", QoS::at_most_once));
  CHECK(scene.sends(protocol::Pubrel{9}).empty());
  CHECK(scene.sends(protocol::Pingreq{}).empty());
  CHECK(scene.sends(protocol::Disconnect{ReasonCode::disconnect_with_will, {}}).empty());
  CHECK(scene.sends(protocol::Puback{1}) == "40 02 00 01");
  CHECK(scene.paho("30 04 00 01 74 00") == "30 04 00 01 74 00");
  CHECK(scene.paho("30 04 00 01 75 00") == "30 04 00 01 75 00 62 02 00 09 c0 00 e0 01 04");
}

TEST_CASE("Paho gets every message as one of QoS 0; the session gets it as it is") {
  Scene scene;
  CHECK(scene.broker("3d 06 00 01 74 00 05 00") == "31 04 00 01 74 00");
  CHECK(scene.bridge.in_transit_bytes() == 8);
  const auto publish = handed_over(scene.bridge);
  CHECK(publish.packet_id == 5);
  CHECK(publish.qos == QoS::exactly_once);
  CHECK(publish.dup);
  CHECK(scene.bridge.in_transit_bytes() == 0);
  // Its PUBREL is none of Paho's business.
  CHECK(scene.broker("62 02 00 05").empty());
  CHECK(next<protocol::Pubrel>(scene.bridge).packet_id == 5);
}

TEST_CASE("answers come with the broker's reason and properties") {
  Scene scene;
  scene.bridge.entering(publish_to("t", "", QoS::at_least_once, 500));
  scene.paho("30 04 00 01 74 00");
  CHECK(scene.broker("40 09 01 f4 10 05 1f 00 02 6f 6b").empty());
  const auto puback = next<protocol::Puback>(scene.bridge);
  CHECK(puback.packet_id == 500);
  CHECK(puback.reason == ReasonCode::no_matching_subscribers);
  CHECK(*puback.properties.text(PropertyId::reason_string) == "ok");
}

TEST_CASE("the answer to a SUBSCRIBE lets Paho go on first") {
  Scene scene;
  scene.bridge.entering(test::subscribe_to("t", QoS::at_most_once, 500));
  CHECK(scene.paho("82 07 00 01 00 00 01 74 00") == "82 07 01 f4 00 00 01 74 00");
  CHECK(scene.broker("90 04 01 f4 00 00") == "90 04 00 01 00 00");
  CHECK_FALSE(scene.bridge.next_answer());  // Paho isn't through with it
  scene.bridge.answered(1);
  CHECK(next<protocol::Suback>(scene.bridge).packet_id == 500);
}

TEST_CASE("what Paho is through with is counted as it entered") {
  Scene scene;
  const auto publish = publish_to("t", "x", QoS::at_least_once, 1);
  scene.bridge.entering(publish);
  scene.bridge.entering(publish);
  scene.bridge.entering(test::subscribe_to("t", QoS::at_most_once, 3));
  const auto raw = bytes("30 05 00 01 74 00 78 30 05 00 01 74 00 78 82 07 00 01 00 00 01 74 00");
  const auto written =
      scene.bridge.from_paho({reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()});
  CHECK(written.packets == 2);
  CHECK(written.bytes == 2 * proxy::held_bytes(publish));
}

TEST_CASE("an answer keeps its place among the messages") {
  Scene scene;
  scene.bridge.entering(publish_to("t", "", QoS::at_least_once, 2));
  scene.paho("30 04 00 01 74 00");
  scene.bridge.send(protocol::Pingreq{});
  scene.broker("30 04 00 01 61 00 40 02 00 02 30 04 00 01 62 00 d0 00");
  CHECK_FALSE(scene.bridge.next_answer());
  handed_over(scene.bridge);
  CHECK(next<protocol::Puback>(scene.bridge).packet_id == 2);
  CHECK_FALSE(scene.bridge.next_answer());
  handed_over(scene.bridge);
  next<protocol::Pingresp>(scene.bridge);
}

TEST_CASE("the session sees no answer to pings that are not its own") {
  Scene scene;
  scene.bridge.ping();
  CHECK(scene.bridge.pinged());
  scene.broker("d0 00");
  CHECK_FALSE(scene.bridge.pinged());
  CHECK_FALSE(scene.bridge.next_answer());
  scene.broker("d0 00");  // to nothing
  CHECK_FALSE(scene.bridge.next_answer());
}

TEST_CASE("an identifier in use twice, or by two kinds of packets, is answered for each") {
  Scene scene;
  scene.bridge.entering(publish_to("t", "", QoS::at_least_once, 3));
  scene.bridge.entering(publish_to("t", "", QoS::at_least_once, 3));
  scene.bridge.entering(test::subscribe_to("t", QoS::at_most_once, 3));
  scene.paho("30 04 00 01 74 00 30 04 00 01 74 00 82 07 00 03 00 00 01 74 00");
  CHECK(scene.broker("40 02 00 03 90 04 00 03 00 00 40 02 00 03 40 02 00 03") ==
        "90 04 00 03 00 00");
  scene.bridge.answered(1);
  next<protocol::Puback>(scene.bridge);
  next<protocol::Suback>(scene.bridge);
  next<protocol::Puback>(scene.bridge);
  CHECK_FALSE(scene.bridge.next_answer());  // a third: of nothing that is under way
}

TEST_CASE("a PUBCOMP that comes without a PUBREC answers both") {
  Scene scene;
  scene.bridge.entering(publish_to("t", "", QoS::exactly_once, 7));
  scene.paho("30 04 00 01 74 00");
  CHECK(scene.sends(protocol::Pubrel{7}) == "62 02 00 07");
  CHECK(scene.broker("70 02 00 07").empty());
  CHECK(next<protocol::Pubcomp>(scene.bridge).packet_id == 7);
  CHECK(scene.broker("70 02 00 07").empty());
}

TEST_CASE("a refused CONNACK is kept whole") {
  PahoBridge bridge(connect_as("me", Version::v5));
  const auto raw = bytes("20 09 00 9b 06 24 00 1f 00 01 71");
  const auto used =
      bridge.from_broker({reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()});
  CHECK(used.has_value());
  REQUIRE(bridge.connack);
  CHECK(bridge.connack->reason == ReasonCode::qos_not_supported);
  CHECK(bridge.connack->properties.number(PropertyId::maximum_qos) == 0);
  CHECK(*bridge.connack->properties.text(PropertyId::reason_string) == "q");
}

TEST_CASE("what no broker sends is an error") {
  for (const char* packet : {"20 03 00 00 00", "82 06 00 01 00 00 01 74", "c0 00", "f0 02 00 00",
                             "32 05 00 01 74 00 00", "40 01 00", "00 00"}) {
    CAPTURE(packet);
    Scene scene;
    CHECK_FALSE(scene.accepts(packet));
  }
  Scene scene(Version::v3_1_1);
  CHECK_FALSE(scene.accepts("e0 00"));
}
