#include "proxy/protocol/properties.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <limits>

#include "dispatch/invariant.h"

namespace protocol {
namespace {

using enum PacketType;

constexpr std::uint32_t in(std::initializer_list<PacketType> types) {
  std::uint32_t bits = 0;
  for (const PacketType type : types) bits |= carrier_bit(type);
  return bits;
}

constexpr std::uint32_t in_acks = in({puback, pubrec, pubrel, pubcomp, suback, unsuback});
constexpr std::uint32_t in_message = in({publish}) | will_carrier;
constexpr std::uint32_t in_auth = in({connect, connack, auth});
constexpr std::uint32_t anywhere =
    in({connect, connack, publish, subscribe, unsubscribe, disconnect, auth}) | in_acks |
    will_carrier;

constexpr PropertyRule text(std::string_view name, std::uint32_t carriers) {
  return {name, PropertyType::utf8_string, carriers};
}
constexpr PropertyRule binary(std::string_view name, std::uint32_t carriers) {
  return {name, PropertyType::binary, carriers};
}
constexpr PropertyRule flag(std::string_view name, std::uint32_t carriers) {
  return {name, PropertyType::byte, carriers, 0, 0, 1};
}
constexpr PropertyRule two_byte(std::string_view name, std::uint32_t carriers,
                                std::uint32_t least = 0) {
  return {name, PropertyType::two_byte, carriers, 0, least, 0xFFFF};
}
constexpr PropertyRule four_byte(std::string_view name, std::uint32_t carriers,
                                 std::uint32_t least = 0) {
  return {name, PropertyType::four_byte, carriers, 0, least, 0xFFFFFFFF};
}

constexpr std::size_t index(PropertyId id) { return static_cast<std::size_t>(id); }

using Table = std::array<PropertyRule, index(PropertyId::shared_subscription_available) + 1>;

// The table of [MQTT-2.2.2.2], with the ranges of each packet's own section.
constexpr Table make_table() {
  using enum PropertyId;
  Table t{};
  t[index(payload_format_indicator)] = flag("Payload Format Indicator", in_message);
  t[index(message_expiry_interval)] = four_byte("Message Expiry Interval", in_message);
  t[index(content_type)] = text("Content Type", in_message);
  t[index(response_topic)] = text("Response Topic", in_message);
  t[index(correlation_data)] = binary("Correlation Data", in_message);
  t[index(subscription_identifier)] = {"Subscription Identifier",
                                       PropertyType::variable_byte,
                                       in({publish, subscribe}),
                                       in({publish}),
                                       1,
                                       268'435'455};
  t[index(session_expiry_interval)] =
      four_byte("Session Expiry Interval", in({connect, connack, disconnect}));
  t[index(assigned_client_identifier)] = text("Assigned Client Identifier", in({connack}));
  t[index(server_keep_alive)] = two_byte("Server Keep Alive", in({connack}));
  t[index(authentication_method)] = text("Authentication Method", in_auth);
  t[index(authentication_data)] = binary("Authentication Data", in_auth);
  t[index(request_problem_information)] = flag("Request Problem Information", in({connect}));
  t[index(will_delay_interval)] = four_byte("Will Delay Interval", will_carrier);
  t[index(request_response_information)] = flag("Request Response Information", in({connect}));
  t[index(response_information)] = text("Response Information", in({connack}));
  t[index(server_reference)] = text("Server Reference", in({connack, disconnect}));
  t[index(reason_string)] = text("Reason String", in_acks | in({connack, disconnect, auth}));
  t[index(receive_maximum)] = two_byte("Receive Maximum", in({connect, connack}), 1);
  t[index(topic_alias_maximum)] = two_byte("Topic Alias Maximum", in({connect, connack}));
  t[index(topic_alias)] = two_byte("Topic Alias", in({publish}), 1);
  t[index(maximum_qos)] = flag("Maximum QoS", in({connack}));
  t[index(retain_available)] = flag("Retain Available", in({connack}));
  t[index(user_property)] = {"User Property", PropertyType::utf8_pair, anywhere, anywhere};
  t[index(maximum_packet_size)] = four_byte("Maximum Packet Size", in({connect, connack}), 1);
  t[index(wildcard_subscription_available)] =
      flag("Wildcard Subscription Available", in({connack}));
  t[index(subscription_identifier_available)] =
      flag("Subscription Identifier Available", in({connack}));
  t[index(shared_subscription_available)] = flag("Shared Subscription Available", in({connack}));
  return t;
}

constexpr Table table = make_table();

}  // namespace

const PropertyRule* find_rule(PropertyId id) {
  if (index(id) >= table.size() || table[index(id)].name.empty()) return nullptr;
  return &table[index(id)];
}

PropertyType type_of(PropertyId id) {
  const PropertyRule* rule = find_rule(id);
  INVARIANT(rule, "a property identifier of the specification");
  return rule->type;
}

std::string_view name(PropertyId id) {
  const PropertyRule* rule = find_rule(id);
  return rule ? rule->name : "Unknown property";
}

namespace {

bool is_text(PropertyId id) {
  const PropertyType type = type_of(id);
  return type == PropertyType::utf8_string || type == PropertyType::binary;
}

bool is_number(PropertyId id) { return !is_text(id) && id != PropertyId::user_property; }

const Property* find(const std::vector<Property>& items, PropertyId id) {
  const auto at = std::ranges::find(items, id, &Property::id);
  return at == items.end() ? nullptr : &*at;
}

}  // namespace

std::optional<std::uint32_t> Properties::number(PropertyId id) const {
  INVARIANT(is_number(id), "a property that is a number");
  const Property* property = find(items_, id);
  if (!property) return std::nullopt;
  return std::get<std::uint32_t>(property->value);
}

const std::string* Properties::text(PropertyId id) const {
  INVARIANT(is_text(id), "a property that is a string");
  const Property* property = find(items_, id);
  return property ? &std::get<std::string>(property->value) : nullptr;
}

bool Properties::has(PropertyId id) const { return find(items_, id) != nullptr; }

void Properties::add(PropertyId id, std::uint32_t value) {
  INVARIANT(is_number(id), "a property that is a number");
  items_.push_back({id, value});
}

void Properties::add(PropertyId id, std::string value) {
  INVARIANT(is_text(id), "a property that is a string");
  items_.push_back({id, std::move(value)});
}

void Properties::add_user(std::string name, std::string value) {
  items_.push_back({PropertyId::user_property, StringPair(std::move(name), std::move(value))});
}

void Properties::remove(PropertyId id) {
  std::erase_if(items_, [id](const Property& property) { return property.id == id; });
}

void Properties::set(PropertyId id, std::uint32_t value) {
  remove(id);
  add(id, value);
}

void Properties::set(PropertyId id, std::string value) {
  remove(id);
  add(id, std::move(value));
}

}  // namespace protocol
