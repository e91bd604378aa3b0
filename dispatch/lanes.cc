#include "dispatch/lanes.h"

#include <tuple>

#include "dispatch/invariant.h"
#include "dispatch/packet_size.h"
#include "dispatch/random.h"

namespace dispatch {

namespace {

// FNV-1a: the same on every machine, unlike std::hash.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * std::uint64_t{0x100000001B3};
  return hash;
}

std::uint64_t mix(std::uint64_t value) { return Random(value).next(); }

}  // namespace

// --- Consumers ---

void Lanes::join(Consumer& consumer) {
  Seat& seat = seats_[consumer.id];
  seat.consumer = &consumer;
  seat.hash = mix(consumer.id.value);
  moved_ = true;
}

void Lanes::leave(Consumer& consumer) {
  Seat& seat = seats_.at(consumer.id);
  INVARIANT(!seat.available, "a consumer leaves that may be chosen");
  while (!seat.lanes.empty()) unseat(*seat.lanes.begin()->second);
  seats_.erase(consumer.id);
  moved_ = true;
}

void Lanes::add(Consumer& consumer) {
  Seat& seat = seats_.at(consumer.id);
  INVARIANT(!seat.available, "a consumer is available twice");
  seat.available = true;
  ++available_;
  offer(seat);
}

void Lanes::remove(Consumer& consumer) {
  Seat& seat = seats_.at(consumer.id);
  INVARIANT(seat.available, "a consumer to remove is not available");
  seat.available = false;
  --available_;
  offer(seat);
}

Consumer* Lanes::choose(std::uint64_t, ConsumerId) {
  INVARIANT(false, "with lanes the message decides, and is not chosen for");
}

// --- Messages ---

Lanes::Lane& Lanes::lane_of(const std::string& key) {
  const auto [found, is_new] = lanes_.try_emplace(key);
  if (is_new) found->second.hash = hash_of(key);
  return found->second;
}

void Lanes::drop_if_unused(const std::string& key, const Lane& lane) {
  if (lane.unused()) lanes_.erase(key);
}

void Lanes::ready(const Entry& entry) {
  Lane& lane = lane_of(entry.key);
  lane.ready.emplace(entry.offset, packet_bytes(entry, queue_.options()));
  place(lane);
}

void Lanes::not_ready(const Entry& entry) {
  Lane& lane = lane_of(entry.key);
  lane.ready.erase(entry.offset);
  place(lane);
  drop_if_unused(entry.key, lane);
}

void Lanes::delayed(const Entry& entry) {
  Lane& lane = lane_of(entry.key);
  lane.delayed.insert(entry.offset);
  place(lane);
}

void Lanes::not_delayed(const Entry& entry) {
  Lane& lane = lane_of(entry.key);
  lane.delayed.erase(entry.offset);
  place(lane);
  drop_if_unused(entry.key, lane);
}

void Lanes::in_flight(const std::string& key, const Consumer& consumer) {
  Lane& lane = lane_of(key);
  ++lane.in_flight[consumer.id];
  place(lane);
}

void Lanes::not_in_flight(const std::string& key, const Consumer& consumer) {
  Lane& lane = lane_of(key);
  const auto held = lane.in_flight.find(consumer.id);
  INVARIANT(held != lane.in_flight.end(), "a key is not in flight");
  if (--held->second == 0) lane.in_flight.erase(held);
  place(lane);
  drop_if_unused(key, lane);
}

// --- Seats ---

void Lanes::place(Lane& lane) {
  if (moved_) return unseat(lane);  // next() places all of them
  const Offset front = lane.ready.empty() ? Offset{} : lane.ready.begin()->first;
  const bool behind = !lane.delayed.empty() && *lane.delayed.begin() < front;
  Seat* seat = front && !behind ? seat_for(lane) : nullptr;
  if (seat == lane.seat && (seat == nullptr || front == lane.front)) return;
  unseat(lane);
  if (seat == nullptr) return;
  lane.seat = seat;
  lane.front = front;
  seat->lanes.emplace(front, &lane);
  offer(*seat);
}

void Lanes::unseat(Lane& lane) {
  if (lane.seat == nullptr) return;
  lane.seat->lanes.erase(lane.front);
  offer(*lane.seat);
  lane.seat = nullptr;
}

// Nobody while another one than would be right has messages of the key, or if the first message is
// too large for everybody.
Lanes::Seat* Lanes::seat_for(const Lane& lane) {
  const std::uint64_t bytes = lane.ready.begin()->second;
  Seat* best = nullptr;
  std::tuple<bool, std::uint64_t> best_rank;
  for (auto& [id, seat] : seats_) {
    const Consumer& consumer = *seat.consumer;
    if (consumer.standing == Standing::paused) continue;
    if (bytes > consumer.session->limits.max_packet_bytes) continue;
    const std::tuple rank(consumer.overdue.empty(), mix(lane.hash ^ seat.hash));
    if (best != nullptr && rank <= best_rank) continue;
    best = &seat;
    best_rank = rank;
  }
  if (best == nullptr || lane.in_flight.empty()) return best;
  const bool elsewhere =
      lane.in_flight.size() > 1 || lane.in_flight.begin()->first != best->consumer->id;
  return elsewhere ? nullptr : best;
}

void Lanes::offer(Seat& seat) {
  const Offset first = seat.available && !seat.lanes.empty() ? seat.lanes.begin()->first : Offset{};
  if (first == seat.offered) return;
  if (seat.offered) offers_.erase(seat.offered);
  seat.offered = first;
  if (first) offers_.emplace(first, &seat);
}

void Lanes::place_all() {
  moved_ = false;
  for (auto& [key, lane] : lanes_) {
    unseat(lane);
    place(lane);
  }
}

std::optional<Lanes::Next> Lanes::next() {
  if (moved_) place_all();
  if (offers_.empty()) return std::nullopt;
  const auto& [offset, seat] = *offers_.begin();
  return Next{offset, seat->consumer};
}

}  // namespace dispatch
