#include "proxy/session_state.h"

#include <algorithm>

namespace proxy {

protocol::PacketId SessionState::free_packet_id() {
  if (outgoing.size() >= 65535) return 0;
  do {
    last_id_ = last_id_ == 65535 ? 1 : static_cast<protocol::PacketId>(last_id_ + 1);
  } while (outgoing.contains(last_id_));
  return last_id_;
}

void SessionState::add_outgoing(protocol::PacketId id, Outgoing&& flight) {
  flight.sequence = ++last_sequence_;
  outgoing.insert_or_assign(id, std::move(flight));
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
    return !flight.plain && !flight.released;
  });
  for (auto& [id, flight] : outgoing) {
    flight.consumer = {};
    flight.holds_slot = false;
    flight.upstream_id = 0;
  }
  slots = 0;
  std::erase_if(incoming, [](const auto& entry) {
    return !entry.second.answered && entry.second.owner == Incoming::Owner::upstream;
  });
  for (auto& [id, publish] : incoming) {
    publish.owner = publish.answered ? Incoming::Owner::resumed : Incoming::Owner::interrupted;
  }
  for (auto& [filter, subscription] : queue_subscriptions) subscription.consumer = {};
}

}  // namespace proxy
