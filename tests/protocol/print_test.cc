#include "proxy/protocol/print.h"

#include <doctest/doctest.h>

#include "proxy/protocol/utf8.h"
#include "tests/protocol/packet_table.h"

namespace protocol::test {
namespace {

TEST_CASE("one line says what a packet is") {
  Publish publish{.dup = true, .qos = QoS::at_least_once, .topic = "images/a", .packet_id = 7};
  publish.payload = std::string(12, 'x');
  CHECK(to_text(publish) == "PUBLISH q1 dup id=7 topic=images/a 12 bytes");
  publish.properties.add(PropertyId::topic_alias, 3);
  publish.properties.add_user("a", "b");
  CHECK(to_text(publish) ==
        "PUBLISH q1 dup id=7 topic=images/a 12 bytes {Topic Alias=3, User "
        "Property=a:b}");
  CHECK(to_text(Puback{.packet_id = 1, .reason = ReasonCode::quota_exceeded}) ==
        "PUBACK id=1 0x97 Quota exceeded");
  CHECK(to_text(Pingreq{}) == "PINGREQ");
  Subscribe subscribe{.packet_id = 2};
  subscribe.subscriptions.push_back({.filter = "$q/a/+", .qos = QoS::exactly_once});
  CHECK(to_text(subscribe) == "SUBSCRIBE id=2 $q/a/+ q2");
  CHECK(to_text(Suback{.packet_id = 2,
                       .reasons = {ReasonCode::granted_qos_1, ReasonCode::not_authorized}}) ==
        "SUBACK id=2 0x01 0x87");
}

TEST_CASE("every packet has a line of its own kind") {
  for (const Sample& sample : packet_table()) {
    CAPTURE(sample.name);
    const std::string text = to_text(sample.packet);
    CHECK(text.starts_with(name(type_of(sample.packet))));
    CHECK(text.find('\n') == text.npos);
  }
}

TEST_CASE("a packet of thousands of items is still a line") {
  Unsubscribe unsubscribe{.packet_id = 1, .filters = std::vector<std::string>(5000, "a")};
  for (int i = 0; i < 5000; ++i) unsubscribe.properties.add_user("k", "v");
  const std::string text = to_text(unsubscribe);
  CHECK(text.size() < 3000);
  CHECK(text.starts_with("UNSUBSCRIBE id=1 a a a"));
  CHECK(text.ends_with("...}"));
}

TEST_CASE("no secret is printed") {
  Connect connect{.client_id = "me", .will = Will{.topic = "w", .payload = "secret"}};
  connect.username = "user";
  connect.password = "secret";
  connect.properties.add(PropertyId::authentication_data, "secret");
  CHECK(to_text(connect).find("secret") == std::string::npos);
  CHECK(to_text(connect).find("user=user password") != std::string::npos);
  Publish publish{.topic = "t", .payload = "secret"};
  publish.properties.add(PropertyId::correlation_data, "secret");
  CHECK(to_text(publish).find("secret") == std::string::npos);
}

TEST_CASE("what a peer wrote is cut and kept on its line") {
  CHECK(printable("a\nb\x7F") == "a\\x0ab\\x7f");
  CHECK(printable(std::string(100, 'x')) == std::string(100, 'x'));
  CHECK(printable(std::string(101, 'x')) == std::string(100, 'x') + "...");
  const std::string cut = printable(std::string(99, 'x') + "\xC3\xA9");
  CHECK(cut == std::string(99, 'x') + "...");
  CHECK(printable("").empty());
}

}  // namespace
}  // namespace protocol::test
