#include "proxy/upstream_paho_bridge.h"

#include <string_view>
#include <utility>

#include "dispatch/invariant.h"
#include "proxy/protocol/cursor.h"
#include "proxy/protocol/decode.h"
#include "proxy/protocol/encode.h"
#include "proxy/protocol/writer.h"
#include "proxy/upstream_paho_flow.h"

namespace proxy {
namespace {

using protocol::Frame;
using protocol::PacketId;
using protocol::PacketType;
using protocol::PropertyId;
using protocol::PropertyType;
using protocol::QoS;
using protocol::ReasonCode;
using protocol::Version;

constexpr unsigned publish_qos_0 = 0x30;
constexpr unsigned dup_bit = 0x08;
constexpr unsigned qos_bits = 0x06;
constexpr unsigned retain_bit = 0x01;
constexpr std::size_t id_size = 2;
constexpr std::uint32_t paho_max_number = 0x7FFFFFFF;

PacketType type_of(const Frame& frame) { return static_cast<PacketType>(frame.first_byte >> 4); }
QoS qos_of(const Frame& frame) { return static_cast<QoS>((frame.first_byte & qos_bits) >> 1); }

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

PacketId id_at(std::span<const std::uint8_t> body) {
  return static_cast<PacketId>(body[0] << 8 | body[1]);
}

void put_id(std::string& bytes, std::size_t at, PacketId id) {
  bytes[at] = static_cast<char>(id >> 8);
  bytes[at + 1] = static_cast<char>(id & 0xFF);
}

// A hop of its own: Paho resolves no aliases of the broker's, and has no enhanced authentication.
protocol::Connect for_this_hop(protocol::Connect&& connect) {
  connect.properties.remove(PropertyId::topic_alias_maximum);
  connect.properties.remove(PropertyId::authentication_method);
  connect.properties.remove(PropertyId::authentication_data);
  return std::move(connect);
}

void skip_value(protocol::Cursor& cursor, PropertyType type) {
  switch (type) {
    case PropertyType::byte:
      cursor.byte();
      break;
    case PropertyType::two_byte:
      cursor.two_byte();
      break;
    case PropertyType::four_byte:
      cursor.four_byte();
      break;
    case PropertyType::variable_byte:
      cursor.variable_byte();
      break;
    case PropertyType::utf8_pair:
      cursor.binary();
      [[fallthrough]];
    default:
      cursor.binary();
  }
}

// Appends a packet with another first byte.
void append(std::string& to, const Frame& frame, std::uint8_t first_byte) {
  protocol::Writer writer(to);
  writer.byte(first_byte);
  writer.variable_byte(frame.body.size());
  writer.bytes(text_of(frame.body));
}

protocol::DecodeError bad(std::string text) {
  return {ReasonCode::protocol_error, std::move(text)};
}

}  // namespace

PahoBridge::PahoBridge(protocol::Connect&& connect) : connect_(for_this_hop(std::move(connect))) {
  protocol::encode(connect_, version(), to_broker);
}

// --- from the session

void PahoBridge::entering(const protocol::Packet& packet) {
  Outbound out;
  if (const auto* publish = std::get_if<protocol::Publish>(&packet)) {
    out.packet_id = publish->packet_id;
    out.qos = publish->qos;
    out.dup = publish->dup;
    out.bytes = held_bytes(*publish);
    out.message_expiry = publish->properties.number(PropertyId::message_expiry_interval);
    out.answer = out.qos == QoS::exactly_once ? PacketType::pubrec : PacketType::puback;
  } else if (const auto* subscribe = std::get_if<protocol::Subscribe>(&packet)) {
    out.packet_id = subscribe->packet_id;
    out.answer = PacketType::suback;
  } else {
    out.packet_id = std::get<protocol::Unsubscribe>(packet).packet_id;
    out.answer = PacketType::unsuback;
  }
  outbound_.push_back(std::move(out));
}

void PahoBridge::send(const protocol::Packet& packet) {
  const bool is_ping = std::holds_alternative<protocol::Pingreq>(packet);
  const bool in_order = is_ping || std::holds_alternative<protocol::Pubrel>(packet) ||
                        std::holds_alternative<protocol::Disconnect>(packet);
  if (is_ping) pings_.push_back(true);
  protocol::encode(packet, version(),
                   in_order && !outbound_.empty() ? outbound_.back().then : to_broker);
}

void PahoBridge::ping() {
  pings_.push_back(false);
  protocol::encode(protocol::Pingreq{}, version(), to_broker);
}

// --- up

PahoBridge::Written PahoBridge::from_paho(std::span<const std::uint8_t> bytes) {
  Written written;
  while (!bytes.empty()) {
    const auto frame = protocol::next_frame(bytes, bytes.size());
    INVARIANT(frame && frame->size > 0, "Paho writes whole packets");
    bytes = bytes.subspan(frame->size);
    switch (type_of(*frame)) {
      case PacketType::connect:
        listens_ = true;
        to_paho.insert(0, std::exchange(connack_to_paho_, {}));
        break;
      case PacketType::publish:
        ++written.packets;
        written.bytes += publish_up(*frame);
        break;
      case PacketType::subscribe:
      case PacketType::unsubscribe:
        numbered_up(*frame);
        break;
      default:
        break;  // pings and the end are the link's
    }
  }
  return written;
}

// Whose answer is whose. Returns the session's identifier.
PacketId PahoBridge::remember(PacketId paho_id) {
  const Outbound& out = outbound_.front();
  paho_ids_.emplace(std::pair(out.answer, out.packet_id), paho_id);
  return out.packet_id;
}

// The first of what was entering is in to_broker.
void PahoBridge::entered() {
  to_broker += outbound_.front().then;
  outbound_.pop_front();
}

// Returns what it counted in the bounds of the flow.
std::size_t PahoBridge::publish_up(const Frame& frame) {
  INVARIANT(!outbound_.empty(), "Paho writes what it was given");
  const Outbound& out = outbound_.front();
  const bool has_id = out.qos != QoS::at_most_once;
  const auto qos = static_cast<unsigned>(out.qos) << 1;
  const std::size_t topic_size = 2U + id_at(frame.body);
  protocol::Writer writer(to_broker);
  writer.byte(
      static_cast<std::uint8_t>((frame.first_byte & ~qos_bits) | qos | (out.dup ? dup_bit : 0)));
  writer.variable_byte(frame.body.size() + (has_id ? id_size : 0));
  writer.bytes(text_of(frame.body.first(topic_size)));
  if (has_id) writer.two_byte(remember(0));
  const std::size_t rest = to_broker.size();
  writer.bytes(text_of(frame.body.subspan(topic_size)));
  if (out.message_expiry.value_or(0) > paho_max_number) put_number_right(rest, *out.message_expiry);
  const std::size_t bytes = out.bytes;
  entered();
  return bytes;
}

// The Message Expiry Interval among the properties that begin at `at`.
void PahoBridge::put_number_right(std::size_t at, std::uint32_t message_expiry) {
  const auto* const data = reinterpret_cast<const std::uint8_t*>(to_broker.data());
  protocol::Cursor rest({data + at, to_broker.size() - at});
  protocol::Cursor properties = rest.part(rest.variable_byte());
  while (properties.ok() && !properties.at_end()) {
    const auto id = static_cast<PropertyId>(properties.byte());
    if (id == PropertyId::message_expiry_interval) {
      std::string number;
      protocol::Writer(number).four_byte(message_expiry);
      const std::size_t left = properties.left() + rest.left();
      to_broker.replace(to_broker.size() - left, number.size(), number);
      return;
    }
    skip_value(properties, protocol::type_of(id));
  }
}

void PahoBridge::numbered_up(const Frame& frame) {
  INVARIANT(!outbound_.empty(), "Paho writes what it was given");
  append(to_broker, frame, frame.first_byte);
  put_id(to_broker, to_broker.size() - frame.body.size(), remember(id_at(frame.body)));
  entered();
}

// --- down

protocol::Result<std::size_t> PahoBridge::from_broker(std::span<const std::uint8_t> bytes) {
  std::size_t used = 0;
  while (used < bytes.size()) {
    const auto frame = protocol::next_frame(bytes.subspan(used), protocol::largest_packet_bytes);
    if (!frame) return frame.error();
    if (frame->size == 0) break;
    used += frame->size;
    if (auto done = packet_down(*frame); !done) return done.error();
  }
  return used;
}

protocol::Result<void> PahoBridge::packet_down(const Frame& frame) {
  if (!connack && type_of(frame) != PacketType::connack) return bad("CONNACK isn't first");
  switch (type_of(frame)) {
    case PacketType::connack:
      return connack_down(frame);
    case PacketType::publish:
      return publish_down(frame);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
    case PacketType::suback:
    case PacketType::unsuback:
      return answer_down(frame);
    case PacketType::pingresp:
      pong();
      return {};
    case PacketType::disconnect:
      if (version() == Version::v3_1_1) break;
      return answer_down(frame);
    default:
      break;
  }
  return bad("a packet that no broker sends here: " + std::string(protocol::name(type_of(frame))));
}

protocol::Result<void> PahoBridge::connack_down(const Frame& frame) {
  if (connack) return bad("a second CONNACK");
  // A broker of 3.1.1 refuses 5.0 in its own form.
  const auto form = frame.body.size() == 2 ? Version::v3_1_1 : version();
  auto packet = protocol::decode(frame.first_byte, frame.body, form);
  if (!packet) return packet.error();
  connack = std::get<protocol::Connack>(std::move(*packet));
  protocol::Connack plain;
  plain.session_present = connack->session_present;
  protocol::encode(plain, version(), connack_to_paho_);
  return {};
}

protocol::Result<void> PahoBridge::publish_down(const Frame& frame) {
  const QoS qos = qos_of(frame);
  const bool has_id = qos != QoS::at_most_once;
  protocol::Cursor cursor(frame.body);
  const std::size_t topic_size = 2 + cursor.binary().size();
  const PacketId id = has_id ? cursor.two_byte() : PacketId{0};
  if (!cursor.ok()) return cursor.take_error();
  if (has_id && id == 0) return bad("a PUBLISH without identifier");
  inbound_.push_back({id, qos, (frame.first_byte & dup_bit) != 0, frame.size});
  in_transit_bytes_ += frame.size;
  ++fed_;
  protocol::Writer writer(to_paho);
  writer.byte(static_cast<std::uint8_t>(publish_qos_0 | (frame.first_byte & retain_bit)));
  writer.variable_byte(frame.body.size() - (has_id ? id_size : 0));
  writer.bytes(text_of(frame.body.first(topic_size)));
  writer.bytes(text_of(frame.body.subspan(topic_size + (has_id ? id_size : 0))));
  return {};
}

protocol::Result<void> PahoBridge::answer_down(const Frame& frame) {
  auto packet = protocol::decode(frame.first_byte, frame.body, version());
  if (!packet) return packet.error();
  const PacketType type = type_of(frame);
  if (type == PacketType::disconnect) {
    answers_.push_back({fed_, std::move(*packet)});
    return {};
  }
  // A broker may answer a repeated PUBLISH with nothing and its PUBREL with PUBCOMP: then that is
  // the answer to both.
  const auto answers = type == PacketType::pubcomp ? PacketType::pubrec : type;
  const auto [first, last] = paho_ids_.equal_range({answers, id_at(frame.body)});
  if (first != last) {
    if (first->second != 0) feed_answer(frame, first->second);
    paho_ids_.erase(first);
  } else if (type != PacketType::pubrel && type != PacketType::pubcomp) {
    return {};  // of nothing that is under way
  }
  answers_.push_back({fed_, std::move(*packet)});
  return {};
}

void PahoBridge::pong() {
  if (pings_.empty()) return;
  if (pings_.front()) answers_.push_back({fed_, protocol::Pingresp{}});
  pings_.pop_front();
}

void PahoBridge::feed(const Frame& frame, std::uint8_t first_byte) {
  append(to_paho, frame, first_byte);
}

void PahoBridge::feed_answer(const Frame& frame, PacketId paho_id) {
  feed(frame, frame.first_byte);
  put_id(to_paho, to_paho.size() - frame.body.size(), paho_id);
  ++fed_;
}

void PahoBridge::handed_over(protocol::Publish& publish) {
  INVARIANT(!inbound_.empty(), "Paho hands over what it was fed");
  const Inbound in = inbound_.front();
  inbound_.pop_front();
  in_transit_bytes_ -= in.bytes;
  ++handed_over_;
  publish.packet_id = in.packet_id;
  publish.qos = in.qos;
  publish.dup = in.dup;
}

std::optional<protocol::Packet> PahoBridge::next_answer() {
  if (answers_.empty() || answers_.front().behind > handed_over_) return std::nullopt;
  auto packet = std::move(answers_.front().packet);
  answers_.pop_front();
  return packet;
}

}  // namespace proxy
