#include "proxy/upstream_paho_flow.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/upstream_client.h"

namespace {

using protocol::QoS;
using protocol::Version;
using proxy::PahoBudget;
using proxy::PahoFlow;
using test::publish_to;
using test::subscribe_to;

protocol::Connack connack(std::optional<std::uint32_t> receive_maximum = {}) {
  protocol::Connack packet;
  if (receive_maximum) {
    packet.properties.add(protocol::PropertyId::receive_maximum, *receive_maximum);
  }
  return packet;
}

protocol::Packet publish(int packet_id, QoS qos = QoS::at_least_once) {
  return publish_to("t", "", qos, static_cast<protocol::PacketId>(packet_id));
}

void fill(PahoFlow& flow, int count, QoS qos = QoS::at_least_once) {
  for (int i = 1; i <= count; ++i) flow.queue(publish(i, qos));
}

std::size_t take_all(PahoFlow& flow) {
  std::size_t taken = 0;
  while (flow.take()) ++taken;
  return taken;
}

const std::size_t one = proxy::held_bytes(publish(1));

struct Scene {
  Scene() { flow.opened(Version::v5, connack()); }
  PahoBudget budget;
  PahoFlow flow{budget};
};

}  // namespace

TEST_CASE("nothing enters Paho before CONNACK") {
  PahoBudget budget;
  PahoFlow flow(budget);
  fill(flow, 1);
  CHECK_FALSE(flow.take());
  flow.opened(Version::v5, connack());
  CHECK(flow.take());
}

TEST_CASE("unfinished publishes keep within the broker's Receive Maximum, and within 64") {
  const std::pair<std::optional<std::uint32_t>, std::size_t> cases[] = {
      {1, 1}, {2, 2}, {20, 20}, {63, 63}, {64, 64}, {65, 64}, {{}, 64}};
  for (const auto& [receive_maximum, window] : cases) {
    PahoBudget budget;
    PahoFlow flow(budget);
    flow.opened(Version::v5, connack(receive_maximum));
    fill(flow, 100);
    CHECK(take_all(flow) == window);
    flow.left(window, window * one);  // Paho is through, the broker isn't
    CHECK(take_all(flow) == 0);
    flow.finished(1);
    CHECK(take_all(flow) == 1);
  }
}

TEST_CASE("in 3.1.1 the window is 20") {
  PahoBudget budget;
  PahoFlow flow(budget);
  flow.opened(Version::v3_1_1, connack());
  fill(flow, 100);
  CHECK(take_all(flow) == 20);
}

TEST_CASE("QoS 0 and SUBSCRIBE don't count against Receive Maximum, but keep the order") {
  PahoBudget budget;
  PahoFlow flow(budget);
  flow.opened(Version::v5, connack(1));
  flow.queue(publish(1));
  flow.queue(publish(0, QoS::at_most_once));
  flow.queue(subscribe_to("f", QoS::at_most_once, 7));
  flow.queue(publish(2));
  flow.queue(publish(0, QoS::at_most_once));
  CHECK(take_all(flow) == 3);
  flow.finished(1);
  CHECK(take_all(flow) == 2);
}

TEST_CASE("an identifier that is used twice is finished twice") {
  PahoBudget budget;
  PahoFlow flow(budget);
  flow.opened(Version::v5, connack(2));
  flow.queue(publish(1));
  flow.queue(publish(1));
  flow.queue(publish(2));
  flow.finished(1);  // not taken yet: the broker can't have answered it
  CHECK(take_all(flow) == 2);
  flow.finished(1);
  CHECK(take_all(flow) == 1);
  flow.queue(publish(3));
  CHECK(take_all(flow) == 0);
  flow.finished(7);  // of an earlier connection
  CHECK(take_all(flow) == 0);
  flow.finished(1);
  CHECK(take_all(flow) == 1);
}

TEST_CASE("all links together have at most 512 packets inside Paho") {
  PahoBudget budget;
  std::vector<std::unique_ptr<PahoFlow>> flows;
  std::size_t taken = 0;
  for (int i = 0; i < 10; ++i) {
    flows.push_back(std::make_unique<PahoFlow>(budget));
    flows.back()->opened(Version::v5, connack());
    fill(*flows.back(), 64);
    taken += take_all(*flows.back());
  }
  CHECK(taken == 512);
  CHECK(flows.back()->wants_budget());
  flows.front()->left(1, one);
  CHECK_FALSE(flows.front()->wants_budget());
  CHECK(take_all(*flows.back()) == 1);
  flows.clear();
  CHECK(budget.packets == 0);
  CHECK(budget.bytes == 0);
}

TEST_CASE("one message larger than the budget still goes through") {
  Scene scene;
  const std::string payload(PahoBudget::max_bytes + 1, 'x');
  scene.flow.queue(publish_to("t", payload, QoS::at_most_once));
  scene.flow.queue(publish(1));
  CHECK(take_all(scene.flow) == 1);
  CHECK(scene.flow.wants_budget());
  scene.flow.left(1, scene.budget.bytes);
  CHECK(take_all(scene.flow) == 1);
}

TEST_CASE("a link is full at 64 waiting packets or 1 MiB, and ready again at half") {
  PahoBudget budget;
  PahoFlow flow(budget);
  fill(flow, 63);
  CHECK_FALSE(flow.full());
  flow.queue(publish(64));
  CHECK(flow.full());
  CHECK_FALSE(flow.became_ready());
  flow.opened(Version::v5, connack(31));
  take_all(flow);
  CHECK(flow.full());
  flow.finished(1);
  take_all(flow);
  CHECK_FALSE(flow.full());
  CHECK(flow.became_ready());
  CHECK_FALSE(flow.became_ready());

  Scene scene;
  PahoFlow other(scene.budget);
  other.queue(publish_to("t", std::string(PahoFlow::max_waiting_bytes, 'x'), QoS::at_most_once));
  CHECK(other.full());
}

TEST_CASE("what is given back is not counted twice") {
  Scene scene;
  fill(scene.flow, 3);
  CHECK(take_all(scene.flow) == 3);
  CHECK_FALSE(scene.flow.drained());
  scene.flow.give_back();
  CHECK(scene.flow.drained());
  scene.flow.left(3, 3 * one);  // Paho says so later
  CHECK(scene.budget.packets == 0);
  CHECK(scene.budget.bytes == 0);
}
