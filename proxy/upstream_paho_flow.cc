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

// A PUBLISH that the broker answers; nullptr for any other packet.
const protocol::Publish* as_answered_publish(const protocol::Packet& packet) {
  const auto* const publish = std::get_if<protocol::Publish>(&packet);
  return publish && publish->qos != QoS::at_most_once ? publish : nullptr;
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

protocol::PacketId finished_by(const protocol::Packet& answer) {
  if (const auto* puback = std::get_if<protocol::Puback>(&answer)) return puback->packet_id;
  if (const auto* pubcomp = std::get_if<protocol::Pubcomp>(&answer)) return pubcomp->packet_id;
  const auto* pubrec = std::get_if<protocol::Pubrec>(&answer);
  return pubrec && protocol::is_error(pubrec->reason) ? pubrec->packet_id : protocol::PacketId{0};
}

void PahoFlow::opened(protocol::Version version, const protocol::Connack& connack) {
  opened_ = true;
  if (version == protocol::Version::v3_1_1) {
    window_ = window_3_1_1;
    return;
  }
  const std::size_t maximum =
      connack.properties.number(protocol::PropertyId::receive_maximum).value_or(65'535);
  window_ = std::clamp<std::size_t>(maximum, 1, max_window);
}

void PahoFlow::queue(protocol::Packet&& packet) {
  waiting_bytes_ += held_bytes(packet);
  waiting_.push_back(std::move(packet));
  check_full();
}

bool PahoFlow::can_send() const {
  if (!opened_ || waiting_.empty() || inside_ >= max_window) return false;
  return unfinished_.size() < window_ || !as_answered_publish(waiting_.front());
}

std::optional<protocol::Packet> PahoFlow::take() {
  if (!can_send() || !budget_.has_room()) return std::nullopt;
  protocol::Packet packet = std::move(waiting_.front());
  waiting_.pop_front();
  const std::size_t size = held_bytes(packet);
  waiting_bytes_ -= size;
  if (const auto* const publish = as_answered_publish(packet)) {
    unfinished_.insert(publish->packet_id);
  }
  ++inside_;
  inside_bytes_ += size;
  ++budget_.packets;
  budget_.bytes += size;
  check_full();
  return packet;
}

void PahoFlow::left(std::size_t packets, std::size_t bytes) {
  if (!opened_) return;  // given back already
  INVARIANT(inside_ >= packets && inside_bytes_ >= bytes, "what leaves Paho has entered it");
  inside_ -= packets;
  inside_bytes_ -= bytes;
  budget_.packets -= packets;
  budget_.bytes -= bytes;
}

void PahoFlow::finished(protocol::PacketId packet_id) {
  const auto found = unfinished_.find(packet_id);
  if (found != unfinished_.end()) unfinished_.erase(found);
}

void PahoFlow::give_back() {
  budget_.packets -= inside_;
  budget_.bytes -= inside_bytes_;
  inside_ = 0;
  inside_bytes_ = 0;
  opened_ = false;
  waiting_.clear();
  waiting_bytes_ = 0;
  unfinished_.clear();
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

}  // namespace proxy
