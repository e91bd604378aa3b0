#include "proxy/upstream_paho_flow.h"

#include <algorithm>
#include <utility>

#include "dispatch/invariant.h"

namespace proxy {
namespace {

using protocol::QoS;

// For the packet itself and its place in lists.
constexpr std::size_t overhead_bytes = 128;

std::size_t held_bytes(const protocol::Properties& properties) {
  std::size_t sum = 0;
  for (const auto& property : properties.items()) {
    sum += sizeof property;
    if (const auto* text = std::get_if<std::string>(&property.value)) sum += text->size();
    if (const auto* pair = std::get_if<protocol::StringPair>(&property.value)) {
      sum += pair->first.size() + pair->second.size();
    }
  }
  return sum;
}

}  // namespace

std::size_t held_bytes(const protocol::Publish& publish) {
  return overhead_bytes + publish.topic.size() + publish.payload.size() +
         held_bytes(publish.properties);
}

std::size_t held_bytes(const protocol::Packet& packet) {
  std::size_t sum = overhead_bytes;
  if (const auto* publish = std::get_if<protocol::Publish>(&packet)) return held_bytes(*publish);
  if (const auto* subscribe = std::get_if<protocol::Subscribe>(&packet)) {
    for (const auto& one : subscribe->subscriptions) sum += sizeof one + one.filter.size();
  }
  if (const auto* unsubscribe = std::get_if<protocol::Unsubscribe>(&packet)) {
    for (const auto& filter : unsubscribe->filters) sum += sizeof(std::string) + filter.size();
  }
  return sum;
}

void PahoFlow::opened(const protocol::Connack& connack) {
  opened_ = true;
  if (version_ == protocol::Version::v3_1_1) {
    window_ = window_3_1_1;
    return;
  }
  const std::size_t maximum =
      connack.properties.number(protocol::PropertyId::receive_maximum).value_or(65'535);
  window_ = std::clamp<std::size_t>(maximum - std::min<std::size_t>(maximum, 2), 1, max_window);
}

bool PahoFlow::queue(protocol::Packet&& packet) {
  const auto* const publish = std::get_if<protocol::Publish>(&packet);
  const std::size_t size = held_bytes(packet);
  if (publish && publish->qos != QoS::at_most_once) {
    if (unreleased_.contains(publish->packet_id)) return false;
    if (!publishes_.emplace(publish->packet_id, size).second) return false;
  }
  waiting_bytes_ += size;
  waiting_.push_back(std::move(packet));
  check_full();
  return true;
}

std::optional<protocol::Packet> PahoFlow::take() {
  if (!can_send() || !budget_.has_room()) return std::nullopt;
  protocol::Packet packet = std::move(waiting_.front());
  waiting_.pop_front();
  const std::size_t size = held_bytes(packet);
  waiting_bytes_ -= size;
  entered(packet, size);
  check_full();
  return packet;
}

void PahoFlow::entered(const protocol::Packet& packet, std::size_t size_bytes) {
  const auto* const publish = std::get_if<protocol::Publish>(&packet);
  if (publish && publish->qos == QoS::at_most_once) {
    qos_0_sizes_.push_back(size_bytes);
  } else if (!publish) {
    size_bytes = 0;  // SUBACK doesn't say how much it answers
  }
  ++inside_;
  inside_bytes_ += size_bytes;
  ++budget_.packets;
  budget_.bytes += size_bytes;
}

void PahoFlow::left(std::size_t size_bytes) {
  INVARIANT(inside_ > 0 && inside_bytes_ >= size_bytes, "what leaves Paho has entered it");
  --inside_;
  inside_bytes_ -= size_bytes;
  --budget_.packets;
  budget_.bytes -= size_bytes;
}

std::optional<protocol::Packet> PahoFlow::settled(const PublishDone& done) {
  if (done.qos == QoS::at_most_once) {
    for (std::size_t i = 0; i < done.count && !qos_0_sizes_.empty(); ++i) {
      left(qos_0_sizes_.front());
      qos_0_sizes_.pop_front();
    }
    return std::nullopt;
  }
  const auto found = publishes_.find(done.packet_id);
  if (found == publishes_.end()) return std::nullopt;
  left(found->second);
  publishes_.erase(found);
  if (done.qos == QoS::at_least_once) {
    return protocol::Puback{done.packet_id, done.reason, done.properties};
  }
  // Paho has been through all four packets with the broker: the session's PUBREL stays here.
  if (!protocol::is_error(done.reason)) unreleased_.insert(done.packet_id);
  return protocol::Pubrec{done.packet_id, done.reason, done.properties};
}

void PahoFlow::answered() {
  if (inside_ > 0) left(0);
}

void PahoFlow::released(protocol::PacketId packet_id) { unreleased_.erase(packet_id); }

bool PahoFlow::repeated(protocol::PacketId packet_id) const {
  return unreleased_.contains(packet_id);
}

void PahoFlow::give_back() {
  budget_.packets -= inside_;
  budget_.bytes -= inside_bytes_;
  inside_ = 0;
  inside_bytes_ = 0;
  opened_ = false;
  waiting_.clear();
  waiting_bytes_ = 0;
  qos_0_sizes_.clear();
  publishes_.clear();
}

void PahoFlow::check_full() {
  if (waiting_.size() >= max_waiting || waiting_bytes_ >= max_waiting_bytes) {
    full_ = true;
  } else if (full_ && waiting_.size() <= max_waiting / 2 &&
             waiting_bytes_ <= max_waiting_bytes / 2) {
    full_ = false;
    owes_ready_ = true;
  }
}

bool PahoFlow::became_ready() { return std::exchange(owes_ready_, false) && !full_; }

bool PahoFlow::number(protocol::Publish& publish) {
  if (publish.qos == QoS::at_most_once) return true;
  if (unacknowledged_.size() == 65'535) return false;
  do {
    if (++last_id_ == 0) last_id_ = 1;
  } while (unacknowledged_.contains(last_id_));
  publish.packet_id = last_id_;
  unacknowledged_[last_id_] = held_bytes(publish);
  return true;
}

void PahoFlow::acknowledged(protocol::PacketId packet_id) {
  const auto found = unacknowledged_.find(packet_id);
  if (found == unacknowledged_.end()) return;
  handed_over(found->second);
  unacknowledged_.erase(found);
}

}  // namespace proxy
