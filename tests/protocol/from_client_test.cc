#include <doctest/doctest.h>

#include "tests/protocol/bytes.h"

namespace protocol::test {
namespace {

void refused(const Packet& packet) {
  const auto checked = check_from_client(packet);
  REQUIRE_FALSE(checked.has_value());
  CHECK(checked.error().reason == ReasonCode::protocol_error);
}

TEST_CASE("packets that only servers send") {
  refused(Connack{});
  refused(Suback{});
  refused(Unsuback{});
  refused(Pingresp{});
}

TEST_CASE("contents that only servers send") {
  Publish publish{.topic = "t"};
  CHECK(check_from_client(publish).has_value());
  publish.properties.add(PropertyId::subscription_identifier, 1);
  refused(publish);
  Disconnect disconnect;
  CHECK(check_from_client(disconnect).has_value());
  disconnect.properties.add(PropertyId::server_reference, "elsewhere");
  refused(disconnect);
  refused(Auth{.reason = ReasonCode::success});
  CHECK(check_from_client(Auth{.reason = ReasonCode::continue_authentication}).has_value());
}

TEST_CASE("everything else is a client's right") {
  const std::vector<Packet> packets = {Connect{}, Puback{},    Pubrec{},      Pubrel{},
                                       Pubcomp{}, Subscribe{}, Unsubscribe{}, Pingreq{}};
  for (const Packet& packet : packets) CHECK(check_from_client(packet).has_value());
}

}  // namespace
}  // namespace protocol::test
