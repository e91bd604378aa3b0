#include "proxy/session_state.h"

#include <doctest/doctest.h>

#include <set>

namespace proxy {
namespace {

Outgoing from_queue(std::uint64_t consumer) {
  Outgoing flight;
  flight.consumer = dispatch::ConsumerId{consumer};
  flight.delivery = dispatch::DeliveryId{consumer};
  flight.holds_slot = true;
  return flight;
}

Outgoing from_broker(const std::string& topic) {
  Outgoing flight;
  flight.plain.emplace();
  flight.plain->topic = topic;
  flight.upstream_id = 7;
  return flight;
}

TEST_CASE("packet identifiers run from 1 to 65535 and around, past those in use") {
  SessionState state;
  CHECK(state.free_packet_id() == 1);
  state.add_outgoing(2, from_broker("a"));
  CHECK(state.free_packet_id() == 3);
  for (int id = 4; id <= 65535; ++id) CHECK_EQ(state.free_packet_id(), id);
  CHECK(state.free_packet_id() == 1);
  CHECK(state.free_packet_id() == 3);
}

TEST_CASE("65,535 packet identifiers are all there are") {
  SessionState state;
  std::set<protocol::PacketId> seen;
  for (int i = 0; i < 65535; ++i) {
    const auto id = state.free_packet_id();
    REQUIRE(id != 0);
    REQUIRE(seen.insert(id).second);
    state.add_outgoing(id, Outgoing{});
  }
  CHECK(state.free_packet_id() == 0);
  state.outgoing.erase(40000);
  CHECK(state.free_packet_id() == 40000);
}

TEST_CASE("what was sent first comes first, whatever its packet identifier") {
  SessionState state;
  for (const protocol::PacketId id : {9, 3, 40000, 1}) state.add_outgoing(id, from_broker("a"));
  CHECK(state.outgoing_in_order() == std::vector<protocol::PacketId>{9, 3, 40000, 1});
}

TEST_CASE("the end of the connection keeps what is the session's and drops what was the queues'") {
  SessionState state;
  state.add_outgoing(1, from_queue(5));
  state.add_outgoing(2, from_broker("a"));
  Outgoing released = from_queue(5);
  released.released = true;  // settled; its PUBREL must still be answered
  state.add_outgoing(3, std::move(released));
  state.slots = 2;
  state.incoming[10] = {Incoming::Owner::upstream, false, 1};
  state.incoming[11] = {Incoming::Owner::upstream, true, 1};
  state.incoming[12] = {Incoming::Owner::queue, false, 1};
  state.queue_subscriptions["$q/a"].consumer = dispatch::ConsumerId{5};

  state.connection_ended();

  CHECK(state.outgoing_in_order() == std::vector<protocol::PacketId>{2, 3});
  CHECK(state.outgoing.at(2).upstream_id == 0);
  CHECK_FALSE(state.outgoing.at(3).holds_slot);
  CHECK_FALSE(state.outgoing.at(3).consumer);
  CHECK(state.slots == 0);
  CHECK_FALSE(state.incoming.contains(10));  // the client sends it again, to the broker
  CHECK(state.incoming.at(11).owner == Incoming::Owner::resumed);
  CHECK(state.incoming.at(12).owner == Incoming::Owner::interrupted);
  CHECK_FALSE(state.queue_subscriptions.at("$q/a").consumer);
}

TEST_CASE("a consumer finds its subscription until it is unsubscribed") {
  SessionState state;
  state.queue_subscriptions["$q/a"].consumer = dispatch::ConsumerId{5};
  state.queue_subscriptions["$q/b"].consumer = dispatch::ConsumerId{6};
  CHECK(state.find(dispatch::ConsumerId{6}) == &state.queue_subscriptions.at("$q/b"));
  state.queue_subscriptions.erase("$q/b");
  CHECK(state.find(dispatch::ConsumerId{6}) == nullptr);
}

}  // namespace
}  // namespace proxy
