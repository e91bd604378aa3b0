#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/protocol/packet_type.h"

// Properties of MQTT 5 [MQTT-2.2.2] as a list in wire order: an empty list costs nothing, relaying
// one keeps order and repeats, and one table (properties.cc) knows which property has which type
// and stands in which packet.

namespace protocol {

enum class PropertyId : std::uint8_t {
  payload_format_indicator = 0x01,
  message_expiry_interval = 0x02,
  content_type = 0x03,
  response_topic = 0x08,
  correlation_data = 0x09,
  subscription_identifier = 0x0B,
  session_expiry_interval = 0x11,
  assigned_client_identifier = 0x12,
  server_keep_alive = 0x13,
  authentication_method = 0x15,
  authentication_data = 0x16,
  request_problem_information = 0x17,
  will_delay_interval = 0x18,
  request_response_information = 0x19,
  response_information = 0x1A,
  server_reference = 0x1C,
  reason_string = 0x1F,
  receive_maximum = 0x21,
  topic_alias_maximum = 0x22,
  topic_alias = 0x23,
  maximum_qos = 0x24,
  retain_available = 0x25,
  user_property = 0x26,
  maximum_packet_size = 0x27,
  wildcard_subscription_available = 0x28,
  subscription_identifier_available = 0x29,
  shared_subscription_available = 0x2A,
};

enum class PropertyType : std::uint8_t {
  byte,
  two_byte,
  four_byte,
  variable_byte,
  utf8_string,
  binary,
  utf8_pair,
};

PropertyType type_of(PropertyId id);   // needs a valid id
std::string_view name(PropertyId id);  // the specification's name: "Content Type"

// What the table knows of one property.
struct PropertyRule {
  std::string_view name;  // empty: no such property
  PropertyType type{};
  std::uint32_t carriers = 0;   // bits of carrier_bit(): where it may stand
  std::uint32_t repeating = 0;  // of those, where it may stand more than once
  std::uint32_t least = 0;      // numbers: the range
  std::uint32_t greatest = 0;
};

// Where properties stand: in a packet, and in CONNECT also in the Will [MQTT-3.1.3.2].
constexpr std::uint32_t carrier_bit(PacketType type) { return 1u << static_cast<unsigned>(type); }
inline constexpr std::uint32_t will_carrier = 1;  // the bit of the forbidden packet type 0

// nullptr for an identifier that the specification doesn't have.
const PropertyRule* find_rule(PropertyId id);

using StringPair = std::pair<std::string, std::string>;

struct Property {
  PropertyId id{};
  std::variant<std::uint32_t, std::string, StringPair> value;  // by type_of(id)

  // The value; the type must be right for the id.
  std::uint32_t number() const { return std::get<std::uint32_t>(value); }
  const std::string& string() const { return std::get<std::string>(value); }
  const StringPair& pair() const { return std::get<StringPair>(value); }

  friend bool operator==(const Property&, const Property&) = default;
};

class Properties {
 public:
  bool empty() const { return items_.empty(); }
  const std::vector<Property>& items() const { return items_; }
  void clear() { items_.clear(); }
  void reserve(std::size_t count) { items_.reserve(count); }

  // The first one with this id. The type must be right for the id.
  std::optional<std::uint32_t> number(PropertyId id) const;
  const std::string* text(PropertyId id) const;  // utf8_string and binary; nullptr if absent
  bool has(PropertyId id) const;

  void add(PropertyId id, std::uint32_t value);
  void add(PropertyId id, std::string value);
  void add_user(std::string name, std::string value);
  void remove(PropertyId id);                    // every one with this id
  void set(PropertyId id, std::uint32_t value);  // instead of any there
  void set(PropertyId id, std::string value);

  friend bool operator==(const Properties&, const Properties&) = default;

 private:
  std::vector<Property> items_;
};

}  // namespace protocol
