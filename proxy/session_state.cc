#include "proxy/session_state.h"

#include <algorithm>
#include <utility>

namespace proxy {

protocol::PacketId SessionState::free_packet_id() {
  if (outgoing.size() >= 65535) return 0;
  do {
    last_id_ = last_id_ <= 1 ? 65535 : static_cast<protocol::PacketId>(last_id_ - 1);
  } while (outgoing.contains(last_id_));
  return last_id_;
}

protocol::PacketId SessionState::id_for_plain(protocol::PacketId upstream_id) {
  if (!outgoing.contains(upstream_id)) return upstream_id;
  const auto id = free_packet_id();
  if (id != 0) moved_[upstream_id] = id;
  return id;
}

protocol::PacketId SessionState::find_plain(protocol::PacketId upstream_id) const {
  if (const auto moved = moved_.find(upstream_id); moved != moved_.end()) return moved->second;
  const auto same = outgoing.find(upstream_id);
  return same != outgoing.end() && same->second.upstream_id == upstream_id ? upstream_id : 0;
}

void SessionState::add_outgoing(protocol::PacketId id, const Outgoing& flight) {
  outgoing.insert_or_assign(id, flight).first->second.sequence = ++last_sequence_;
}

void SessionState::remove_outgoing(protocol::PacketId id) {
  const auto found = outgoing.find(id);
  if (found == outgoing.end()) return;
  wake(found->second);
  if (found->second.upstream_id != 0) moved_.erase(found->second.upstream_id);
  outgoing.erase(found);
}

void SessionState::wake(Outgoing& flight) {
  if (std::exchange(flight.asleep, false)) --asleep;
}

std::vector<protocol::PacketId> SessionState::outgoing_in_order() const {
  std::vector<protocol::PacketId> ids;
  ids.reserve(outgoing.size());
  for (const auto& [id, flight] : outgoing) ids.push_back(id);
  std::ranges::sort(ids, {}, [this](protocol::PacketId id) { return outgoing.at(id).sequence; });
  return ids;
}

const QueueSubscription* SessionState::find(dispatch::ConsumerId consumer) const {
  for (const auto& [filter, subscription] : queue_subscriptions) {
    if (subscription.consumer == consumer) return &subscription;
  }
  return nullptr;
}

void SessionState::connection_ended() {
  std::erase_if(outgoing, [](const auto& entry) {
    const Outgoing& flight = entry.second;
    return flight.upstream_id == 0 && !flight.released;
  });
  for (auto& [id, flight] : outgoing) {
    flight.consumer = {};
    flight.holds_slot = false;
    if (flight.upstream_id != 0 && !std::exchange(flight.asleep, true)) ++asleep;
  }
  slots = 0;
  waiting.clear();
  waiting_bytes = 0;
  std::erase_if(incoming, [](const auto& entry) {
    const Incoming& publish = entry.second;
    return publish.owner == Incoming::Owner::upstream ||
           (publish.owner == Incoming::Owner::both && !publish.answered);
  });
  for (auto& [id, publish] : incoming) {
    if (publish.owner == Incoming::Owner::both) continue;
    publish.owner = publish.answered ? Incoming::Owner::resumed : Incoming::Owner::interrupted;
  }
  for (auto& [filter, subscription] : queue_subscriptions) subscription.consumer = {};
}

}  // namespace proxy
