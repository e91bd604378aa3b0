#include "proxy/upstream_paho_flow.h"

#include <doctest/doctest.h>

#include "tests/support/upstream_client.h"

namespace {

using protocol::QoS;
using proxy::PahoBudget;
using proxy::PahoFlow;
using proxy::PublishDone;
using test::publish_to;
using test::subscribe_to;

protocol::Connack connack(std::optional<std::uint32_t> receive_maximum) {
  protocol::Connack packet;
  if (receive_maximum) {
    packet.properties.add(protocol::PropertyId::receive_maximum, *receive_maximum);
  }
  return packet;
}

std::size_t take_all(PahoFlow& flow) {
  std::size_t taken = 0;
  while (flow.take()) ++taken;
  return taken;
}

PublishDone done(QoS qos, protocol::PacketId packet_id) {
  PublishDone result;
  result.qos = qos;
  result.packet_id = packet_id;
  return result;
}

void fill(PahoFlow& flow, int count) {
  for (int i = 1; i <= count; ++i) {
    flow.queue(publish_to("t", "", QoS::at_least_once, static_cast<protocol::PacketId>(i)));
  }
}

}  // namespace

TEST_CASE("nothing enters Paho before CONNACK") {
  PahoBudget budget;
  PahoFlow flow(budget);
  flow.opening(protocol::Version::v5);
  fill(flow, 1);
  CHECK_FALSE(flow.take());
  flow.opened(connack({}));
  CHECK(flow.take());
}

TEST_CASE("the window stays two below the broker's Receive Maximum, at least 1, at most 64") {
  const std::pair<std::optional<std::uint32_t>, std::size_t> cases[] = {
      {1, 1}, {2, 1}, {3, 1}, {4, 2}, {20, 18}, {65, 63}, {66, 64}, {67, 64}, {{}, 64}};
  for (const auto& [receive_maximum, window] : cases) {
    PahoBudget budget;
    PahoFlow flow(budget);
    flow.opening(protocol::Version::v5);
    flow.opened(connack(receive_maximum));
    fill(flow, 100);
    CHECK(take_all(flow) == window);
    CHECK(flow.settled(done(QoS::at_least_once, 1)));
    CHECK(take_all(flow) == 1);
  }
}

TEST_CASE("all flows share one budget") {
  PahoBudget budget;
  std::vector<std::unique_ptr<PahoFlow>> flows;
  std::size_t taken = 0;
  for (int i = 0; i < 9; ++i) {
    flows.push_back(std::make_unique<PahoFlow>(budget));
    flows.back()->opening(protocol::Version::v5);
    flows.back()->opened(connack({}));
    fill(*flows.back(), 64);
    taken += take_all(*flows.back());
  }
  CHECK(taken == PahoBudget::max_packets);
  CHECK(flows.back()->wants_budget());
  flows.front()->give_back();
  CHECK_FALSE(flows.back()->wants_budget());
  CHECK(take_all(*flows.back()) == 64);
  flows.clear();
  CHECK(budget.packets == 0);
  CHECK(budget.bytes == 0);
}

TEST_CASE("full at 64 waiting or 1 MiB, ready again at half, told once") {
  PahoBudget budget;
  PahoFlow flow(budget);
  flow.opening(protocol::Version::v5);
  fill(flow, 63);
  CHECK_FALSE(flow.full());
  flow.queue(publish_to("t", "", QoS::at_least_once, 64));
  CHECK(flow.full());
  flow.opened(connack(33));
  CHECK(take_all(flow) == 31);
  CHECK(flow.full());
  CHECK_FALSE(flow.became_ready());
  flow.settled(done(QoS::at_least_once, 1));
  CHECK(take_all(flow) == 1);
  CHECK_FALSE(flow.full());
  CHECK(flow.became_ready());
  CHECK_FALSE(flow.became_ready());

  PahoFlow heavy(budget);
  heavy.queue(publish_to("t", std::string(1U << 20, 'x'), QoS::at_most_once));
  CHECK(heavy.full());
}

TEST_CASE("acknowledgements name the session's own identifiers") {
  PahoBudget budget;
  PahoFlow flow(budget);
  flow.opening(protocol::Version::v5);
  flow.opened(connack({}));
  CHECK(flow.queue(publish_to("t", "", QoS::at_most_once)));
  CHECK(flow.queue(publish_to("t", "", QoS::at_least_once, 7)));
  CHECK(flow.queue(publish_to("t", "", QoS::exactly_once, 8)));
  CHECK_FALSE(flow.queue(publish_to("t", "", QoS::exactly_once, 8)));
  CHECK(take_all(flow) == 3);
  CHECK_FALSE(flow.settled(done(QoS::at_most_once, 0)));
  const auto puback = flow.settled(done(QoS::at_least_once, 7));
  REQUIRE(puback);
  CHECK(std::get<protocol::Puback>(*puback).packet_id == 7);
  CHECK_FALSE(flow.settled(done(QoS::at_least_once, 7)));
  const auto pubrec = flow.settled(done(QoS::exactly_once, 8));
  REQUIRE(pubrec);
  CHECK(std::get<protocol::Pubrec>(*pubrec).packet_id == 8);
  CHECK(flow.drained());
  CHECK(flow.repeated(8));
  CHECK_FALSE(flow.queue(publish_to("t", "", QoS::exactly_once, 8)));
  flow.released(8);
  CHECK_FALSE(flow.repeated(8));
  CHECK(flow.queue(publish_to("t", "", QoS::exactly_once, 8)));
}

TEST_CASE("a refused QoS 2 publish is not remembered") {
  PahoBudget budget;
  PahoFlow flow(budget);
  flow.opening(protocol::Version::v5);
  flow.opened(connack({}));
  flow.queue(publish_to("t", "", QoS::exactly_once, 8));
  take_all(flow);
  auto refused = done(QoS::exactly_once, 8);
  refused.reason = protocol::ReasonCode::not_authorized;
  const auto pubrec = flow.settled(refused);
  REQUIRE(pubrec);
  CHECK(std::get<protocol::Pubrec>(*pubrec).reason == protocol::ReasonCode::not_authorized);
  CHECK_FALSE(flow.repeated(8));
}

TEST_CASE("SUBSCRIBE keeps its place and counts until it is answered") {
  PahoBudget budget;
  PahoFlow flow(budget);
  flow.opening(protocol::Version::v5);
  flow.opened(connack(3));
  flow.queue(publish_to("t", "", QoS::at_least_once, 1));
  flow.queue(subscribe_to("t", QoS::at_least_once));
  CHECK(std::holds_alternative<protocol::Publish>(*flow.take()));
  CHECK_FALSE(flow.take());
  flow.settled(done(QoS::at_least_once, 1));
  CHECK(std::holds_alternative<protocol::Subscribe>(*flow.take()));
  CHECK_FALSE(flow.drained());
  flow.answered();
  CHECK(flow.drained());
}

TEST_CASE("messages from the broker get identifiers that are free") {
  PahoBudget budget;
  PahoFlow flow(budget);
  protocol::Publish publish = publish_to("t", "x", QoS::at_least_once);
  for (int i = 1; i <= 65'535; ++i) REQUIRE(flow.number(publish));
  CHECK(publish.packet_id == 65'535);
  CHECK_FALSE(flow.number(publish));
  flow.inflow()->bytes = 1'000'000;
  flow.acknowledged(77);
  CHECK(flow.inflow()->bytes == 1'000'000 - proxy::held_bytes(publish));
  flow.acknowledged(77);  // a second time changes nothing
  CHECK(flow.inflow()->bytes == 1'000'000 - proxy::held_bytes(publish));
  REQUIRE(flow.number(publish));
  CHECK(publish.packet_id == 77);
}
