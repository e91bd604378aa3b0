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

Outgoing from_broker(protocol::PacketId upstream_id) {
  Outgoing flight;
  flight.upstream_id = upstream_id;
  return flight;
}

TEST_CASE("packet identifiers of deliveries run from 65535 down and around, past those in use") {
  SessionState state;
  CHECK(state.free_packet_id() == 65535);
  state.add_outgoing(65534, from_broker(65534));
  CHECK(state.free_packet_id() == 65533);
  for (int id = 65532; id >= 1; --id) CHECK_EQ(state.free_packet_id(), id);
  CHECK(state.free_packet_id() == 65535);
  CHECK(state.free_packet_id() == 65533);
}

TEST_CASE("a message keeps the broker's identifier unless a delivery has it") {
  SessionState state;
  state.add_outgoing(65535, from_queue(5));
  CHECK(state.find_plain(1) == 0);
  CHECK(state.id_for_plain(1) == 1);
  state.add_outgoing(1, from_broker(1));
  CHECK(state.find_plain(1) == 1);
  CHECK(state.find_plain(65535) == 0);
  const auto moved = state.id_for_plain(65535);
  CHECK(moved != 65535);
  state.add_outgoing(moved, from_broker(65535));
  CHECK(state.find_plain(65535) == moved);
  state.remove_outgoing(65535);  // the delivery's
  CHECK(state.find_plain(65535) == moved);
  state.remove_outgoing(moved);
  CHECK(state.find_plain(65535) == 0);
  CHECK(state.id_for_plain(65535) == 65535);
}

TEST_CASE("what the broker hasn't sent again since the session resumed is not in flight") {
  SessionState state;
  state.add_outgoing(1, from_broker(1));
  state.add_outgoing(2, from_broker(2));
  CHECK(state.in_flight() == 2);
  state.connection_ended();
  state.connection_ended();
  CHECK(state.in_flight() == 0);
  CHECK(state.outgoing.size() == 2);
  state.wake(state.outgoing.at(1));
  state.wake(state.outgoing.at(1));
  CHECK(state.in_flight() == 1);
  state.remove_outgoing(2);  // acknowledged after all
  CHECK(state.in_flight() == 1);
  state.remove_outgoing(1);
  CHECK(state.in_flight() == 0);
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
  for (const protocol::PacketId id : {9, 3, 40000, 1}) state.add_outgoing(id, from_broker(id));
  CHECK(state.outgoing_in_order() == std::vector<protocol::PacketId>{9, 3, 40000, 1});
}

TEST_CASE("the end of the connection keeps what is the session's and drops what was the queues'") {
  SessionState state;
  state.add_outgoing(1, from_queue(5));
  state.add_outgoing(2, from_broker(2));
  Outgoing released = from_queue(5);
  released.released = true;  // settled; its PUBREL must still be answered
  state.add_outgoing(3, released);
  state.slots = 2;
  state.incoming[10] = {Incoming::Owner::upstream, false, 1};
  state.incoming[11] = {Incoming::Owner::upstream, true, 1};
  state.incoming[12] = {Incoming::Owner::queue, false, 1};
  state.incoming[13] = {Incoming::Owner::both, false, 1};
  state.incoming[14] = {Incoming::Owner::both, true, 1};
  state.incoming[15] = {Incoming::Owner::queue, true, 1};
  state.waiting.push_back({});
  state.waiting_bytes = 1;
  state.queue_subscriptions["$q/a"].consumer = dispatch::ConsumerId{5};

  state.connection_ended();

  CHECK(state.outgoing_in_order() == std::vector<protocol::PacketId>{2, 3});
  CHECK(state.outgoing.at(2).asleep);
  CHECK(state.waiting.empty());
  CHECK(state.waiting_bytes == 0);
  CHECK_FALSE(state.outgoing.at(3).holds_slot);
  CHECK_FALSE(state.outgoing.at(3).consumer);
  CHECK(state.slots == 0);
  CHECK_FALSE(state.incoming.contains(10));  // the client sends it again, to the broker
  CHECK_FALSE(state.incoming.contains(11));  // and the broker knows it
  CHECK_FALSE(state.incoming.contains(13));
  CHECK(state.incoming.at(14).owner == Incoming::Owner::both);  // the queues would not
  CHECK(state.incoming.at(15).owner == Incoming::Owner::resumed);
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
