#include "tests/protocol/random_packet.h"

#include <array>
#include <span>
#include <string_view>

namespace protocol::test {
namespace {

std::uint64_t below(Random& random, std::uint64_t limit) { return random() % limit; }
bool chance(Random& random, std::uint64_t in) { return below(random, in) == 0; }

std::string random_bytes(Random& random, std::size_t limit) {
  std::string bytes(random_size(random, limit), '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

void append_utf8(char32_t code, std::string& out) {
  const auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

char32_t random_code(Random& random) {
  constexpr std::array<char32_t, 5> limits = {0x7F, 0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
  const char32_t code = 1 + below(random, limits[below(random, limits.size())]);
  return code >= 0xD800 && code <= 0xDFFF ? U'x' : code;
}

std::string random_text(Random& random) {
  std::string text;
  for (std::size_t left = random_size(random, 2000); left > 0; --left) {
    append_utf8(random_code(random), text);
  }
  return text;
}

// Not empty, no wildcard; empty levels and `$` included.
std::string random_topic(Random& random) {
  std::string topic = random_text(random) + "/";
  for (char& c : topic) c = c == '+' || c == '#' ? '/' : c;
  return topic;
}

std::string random_filter(Random& random) {
  constexpr std::array<std::string_view, 6> levels = {"+", "a", "", "\xC3\xA9", "$x", "image"};
  std::string filter = chance(random, 4) ? "$share/group" : "x";
  for (std::size_t count = below(random, 5); count > 0; --count) {
    filter += "/" + std::string(levels[below(random, levels.size())]);
  }
  return filter + (chance(random, 3) ? "/#" : "/z");
}

PacketId random_id(Random& random) { return static_cast<PacketId>(1 + below(random, 65535)); }
QoS random_qos(Random& random) { return static_cast<QoS>(below(random, 3)); }

ReasonCode random_reason(Random& random, PacketType type) {
  for (;;) {
    const auto reason = static_cast<ReasonCode>(chance(random, 2) ? 0 : below(random, 256));
    if (may_carry(type, reason)) return reason;
  }
}

void add_random(Random& random, PropertyId id, const PropertyRule& rule, Properties& out) {
  switch (rule.type) {
    case PropertyType::utf8_string:
      return out.add(id,
                     id == PropertyId::response_topic ? random_topic(random) : random_text(random));
    case PropertyType::binary:
      return out.add(id, random_bytes(random, 2000));
    case PropertyType::utf8_pair:
      return out.add_user(random_text(random), random_text(random));
    default:
      break;
  }
  const std::uint64_t span = std::uint64_t{rule.greatest} - rule.least + 1;
  const std::uint64_t value = chance(random, 2) ? below(random, span) : below(random, span) % 256;
  out.add(id, rule.least + static_cast<std::uint32_t>(value));
}

Properties random_properties(Random& random, std::uint32_t carrier, Version version) {
  Properties properties;
  if (version == Version::v3_1_1 || chance(random, 2)) return properties;
  for (unsigned number = 0; number < 0x30; ++number) {
    const auto id = static_cast<PropertyId>(number);
    const PropertyRule* rule = find_rule(id);
    if (!rule || (rule->carriers & carrier) == 0 || !chance(random, 4)) continue;
    const std::uint64_t times = (rule->repeating & carrier) != 0 ? 1 + below(random, 3) : 1;
    for (std::uint64_t i = 0; i < times; ++i) add_random(random, id, *rule, properties);
  }
  const bool lacks_method = properties.has(PropertyId::authentication_data) &&
                            !properties.has(PropertyId::authentication_method);
  if (lacks_method) properties.add(PropertyId::authentication_method, "method");
  return properties;
}

template <class P>
Properties random_properties_of(Random& random, Version version) {
  return random_properties(random, carrier_bit(type_of<P>()), version);
}

Will random_will(Random& random, Version version) {
  Will will{.topic = random_topic(random), .payload = random_bytes(random, 5000)};
  will.qos = random_qos(random);
  will.retain = chance(random, 2);
  will.properties = random_properties(random, will_carrier, version);
  return will;
}

void fill(Random& random, Version version, Connect& connect) {
  connect.version = version;
  connect.clean_start = chance(random, 2);
  connect.keep_alive_s = static_cast<std::uint16_t>(random());
  connect.client_id = "id" + random_text(random);
  connect.properties = random_properties_of<Connect>(random, version);
  if (chance(random, 2)) connect.will = random_will(random, version);
  if (chance(random, 2)) connect.username = random_text(random);
  const bool may_have_password = connect.username || version == Version::v5;
  if (may_have_password && chance(random, 2)) connect.password = random_bytes(random, 300);
}

void fill(Random& random, Version version, Connack& connack) {
  if (version == Version::v5) {
    connack.reason = random_reason(random, PacketType::connack);
  } else {
    connack.reason = from_return_code(static_cast<std::uint8_t>(below(random, 6)));
  }
  connack.session_present = connack.reason == ReasonCode::success && chance(random, 2);
  connack.properties = random_properties_of<Connack>(random, version);
}

void fill(Random& random, Version version, Publish& publish) {
  publish.qos = random_qos(random);
  publish.retain = chance(random, 2);
  publish.properties = random_properties_of<Publish>(random, version);
  const bool has_alias = version == Version::v5 && publish.properties.has(PropertyId::topic_alias);
  if (!has_alias || chance(random, 2)) publish.topic = random_topic(random);
  publish.payload = random_bytes(random, 70'000);
  if (publish.qos == QoS::at_most_once) return;
  publish.dup = chance(random, 2);
  publish.packet_id = random_id(random);
}

template <int Type>
void fill(Random& random, Version version, Acknowledgement<Type>& ack) {
  ack.packet_id = random_id(random);
  if (version == Version::v3_1_1) return;
  ack.reason = random_reason(random, static_cast<PacketType>(Type));
  ack.properties = random_properties_of<Acknowledgement<Type>>(random, version);
}

void fill(Random& random, Version version, Subscribe& subscribe) {
  subscribe.packet_id = random_id(random);
  subscribe.properties = random_properties_of<Subscribe>(random, version);
  for (std::size_t count = 1 + random_size(random, 100); count > 0; --count) {
    Subscription subscription{.filter = random_filter(random), .qos = random_qos(random)};
    if (version == Version::v5) {
      const bool shared = subscription.filter.starts_with("$share/");
      subscription.no_local = !shared && chance(random, 2);
      subscription.retain_as_published = chance(random, 2);
      subscription.retain_handling = static_cast<RetainHandling>(below(random, 3));
    }
    subscribe.subscriptions.push_back(std::move(subscription));
  }
}

void fill(Random& random, Version version, Suback& suback) {
  constexpr std::array old_codes = {ReasonCode::success, ReasonCode::granted_qos_1,
                                    ReasonCode::granted_qos_2, ReasonCode::unspecified_error};
  suback.packet_id = random_id(random);
  suback.properties = random_properties_of<Suback>(random, version);
  for (std::size_t count = 1 + random_size(random, 100); count > 0; --count) {
    suback.reasons.push_back(version == Version::v5 ? random_reason(random, PacketType::suback)
                                                    : old_codes[below(random, 4)]);
  }
}

void fill(Random& random, Version version, Unsubscribe& unsubscribe) {
  unsubscribe.packet_id = random_id(random);
  unsubscribe.properties = random_properties_of<Unsubscribe>(random, version);
  for (std::size_t count = 1 + random_size(random, 100); count > 0; --count) {
    unsubscribe.filters.push_back(random_filter(random));
  }
}

void fill(Random& random, Version version, Unsuback& unsuback) {
  unsuback.packet_id = random_id(random);
  if (version == Version::v3_1_1) return;
  unsuback.properties = random_properties_of<Unsuback>(random, version);
  for (std::size_t count = 1 + random_size(random, 100); count > 0; --count) {
    unsuback.reasons.push_back(random_reason(random, PacketType::unsuback));
  }
}

void fill(Random&, Version, Pingreq&) {}
void fill(Random&, Version, Pingresp&) {}

void fill(Random& random, Version version, Disconnect& disconnect) {
  if (version == Version::v3_1_1) return;
  disconnect.reason = random_reason(random, PacketType::disconnect);
  disconnect.properties = random_properties_of<Disconnect>(random, version);
}

void fill(Random& random, Version version, Auth& auth) {
  auth.reason = random_reason(random, PacketType::auth);
  auth.properties = random_properties_of<Auth>(random, version);
  const bool bare = auth.reason == ReasonCode::success && auth.properties.empty();
  if (!bare) auth.properties.set(PropertyId::authentication_method, random_text(random));
}

template <std::size_t... I>
Packet empty_packet(std::size_t index, std::index_sequence<I...>) {
  Packet packet;
  ((index == I ? void(packet.emplace<I>()) : void()), ...);
  return packet;
}

}  // namespace

std::size_t random_size(Random& random, std::size_t limit) {
  const std::size_t bound = std::size_t{1} << below(random, 18);
  const std::size_t usual = chance(random, 20) ? bound : std::min<std::size_t>(bound, 32);
  return below(random, std::min(usual, limit + 1));
}

Packet random_packet(Random& random, Version version) {
  const std::size_t count = std::variant_size_v<Packet> - (version == Version::v3_1_1 ? 1 : 0);
  Packet packet =
      empty_packet(below(random, count), std::make_index_sequence<std::variant_size_v<Packet>>{});
  std::visit([&](auto& p) { fill(random, version, p); }, packet);
  return packet;
}

}  // namespace protocol::test
