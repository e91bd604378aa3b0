#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "dispatch/consumer.h"
#include "dispatch/queue_state.h"
#include "dispatch/strategy.h"

// key_affinity: every key is a lane. Its messages go to one consumer, in order, the same one as
// long as the consumers stay the same: of all of them, the one that the key and the consumer's id
// together hash highest for, so that who comes or goes takes or leaves its own share of the keys
// and no other (rendezvous hashing). A key changes consumers only when none of it is in flight.
// Behind a message that waits for its next attempt, the rest of its lane waits as well.
//
// One that has just said "not now" has no keys meanwhile, and one that let a delivery time out has
// none until it answers, if there is anybody else.

namespace dispatch {

class Lanes final : public Chooser {
 public:
  // `queue` outlives it.
  explicit Lanes(const QueueState& queue) : queue_(queue) {}

  // --- Consumers, as for every chooser ---

  void join(Consumer& consumer) override;
  void leave(Consumer& consumer) override;
  void add(Consumer& consumer) override;
  void remove(Consumer& consumer) override;
  void held_changed(Consumer&) override {}
  void standing_changed(Consumer&) override { moved_ = true; }
  bool empty() const override { return available_ == 0; }
  // Not asked of this one: see next().
  Consumer* choose(std::uint64_t packet_bytes, ConsumerId avoid) override;
  void given(Consumer&) override {}

  // --- Where the messages of a key are ---

  void ready(const Entry& entry);
  void not_ready(const Entry& entry);
  void delayed(const Entry& entry);
  void not_delayed(const Entry& entry);
  void in_flight(const std::string& key, const Consumer& consumer);
  void not_in_flight(const std::string& key, const Consumer& consumer);

  struct Next {
    Offset offset;
    Consumer* consumer;
  };
  // The ready message with the lowest offset that a consumer may be given now.
  std::optional<Next> next();

 private:
  struct Seat;
  struct Lane {
    std::uint64_t hash = 0;
    std::map<Offset, std::uint64_t> ready;  // with the size of the packet
    std::set<Offset> delayed;
    std::map<ConsumerId, std::uint32_t> in_flight;
    Seat* seat = nullptr;  // where it waits for its turn, with its first ready message
    Offset front;

    bool unused() const { return ready.empty() && delayed.empty() && in_flight.empty(); }
  };
  struct Seat {
    Consumer* consumer = nullptr;
    std::uint64_t hash = 0;
    bool available = false;
    std::map<Offset, Lane*> lanes;  // by their first ready message
    Offset offered;                 // in offers_; 0 if it is not
  };

  Lane& lane_of(const std::string& key);
  // The lane has changed: it takes its seat, leaves it, or is not needed any more.
  void place(Lane& lane);
  void unseat(Lane& lane);
  void drop_if_unused(const std::string& key, const Lane& lane);
  Seat* seat_for(const Lane& lane);
  void offer(Seat& seat);
  void place_all();

  const QueueState& queue_;
  std::unordered_map<std::string, Lane> lanes_;
  std::map<ConsumerId, Seat> seats_;
  std::map<Offset, Seat*> offers_;  // what each consumer that may be chosen would get
  std::size_t available_ = 0;
  bool moved_ = false;  // consumers came, went or paused: lanes may have other seats
};

}  // namespace dispatch
