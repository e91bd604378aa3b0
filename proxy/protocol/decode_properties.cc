#include <string>

#include "dispatch/topic.h"
#include "proxy/protocol/decode_parts.h"
#include "proxy/protocol/print.h"

namespace protocol {
namespace {

std::string quote(PropertyId id) { return "property " + std::string(name(id)); }

std::uint32_t read_number(Cursor& in, PropertyType type) {
  switch (type) {
    case PropertyType::byte:
      return in.byte();
    case PropertyType::two_byte:
      return in.two_byte();
    case PropertyType::four_byte:
      return in.four_byte();
    default:
      return in.variable_byte();
  }
}

// Out of range is a Protocol Error, but for what brokers call malformed: a Topic Alias and a
// Subscription Identifier of 0.
void add_number(Cursor& in, PropertyId id, const PropertyRule& rule, Properties& out) {
  const std::uint32_t value = read_number(in, rule.type);
  if (!in.ok()) return;
  if (value >= rule.least && value <= rule.greatest) return out.add(id, value);
  const bool called_malformed =
      id == PropertyId::topic_alias || id == PropertyId::subscription_identifier;
  const auto reason = called_malformed ? ReasonCode::malformed_packet : ReasonCode::protocol_error;
  in.fail(reason, quote(id) + " may not be " + std::to_string(value));
}

void add_value(Cursor& in, PropertyId id, const PropertyRule& rule, Properties& out) {
  switch (rule.type) {
    case PropertyType::utf8_string:
      out.add(id, std::string(in.utf8()));
      if (id != PropertyId::response_topic || !in.ok()) return;
      return require_topic_name(in, out.items().back().string(), ReasonCode::protocol_error);
    case PropertyType::binary:
      return out.add(id, std::string(in.binary()));
    case PropertyType::utf8_pair: {
      const std::string_view key = in.utf8();
      out.add_user(std::string(key), std::string(in.utf8()));
      return;
    }
    default:
      return add_number(in, id, rule, out);
  }
}

// An unknown identifier, and one that may not stand here, make the packet malformed; one too many
// is a Protocol Error [MQTT-2.2.2.2].
void read_property(Cursor& in, std::uint32_t carrier, std::uint64_t& seen, Properties& out) {
  const std::uint32_t number = in.variable_byte();
  if (!in.ok()) return;
  const auto id = static_cast<PropertyId>(number);
  const PropertyRule* rule = number <= 0xFF ? find_rule(id) : nullptr;
  if (!rule) {
    return in.fail(ReasonCode::malformed_packet, "unknown property " + std::to_string(number));
  }
  if ((rule->carriers & carrier) == 0) {
    return in.fail(ReasonCode::malformed_packet, quote(id) + " may not stand here");
  }
  const std::uint64_t bit = std::uint64_t{1} << number;
  if ((seen & bit) != 0 && (rule->repeating & carrier) == 0) {
    return in.fail(ReasonCode::protocol_error, quote(id) + " stands twice");
  }
  seen |= bit;
  add_value(in, id, *rule, out);
}

}  // namespace

Properties decode_properties(Cursor& in, std::uint32_t carrier) {
  Properties properties;
  Cursor part = in.part(in.variable_byte());
  if (part.at_end()) return properties;
  properties.reserve(4);
  std::uint64_t seen = 0;
  while (!part.at_end()) read_property(part, carrier, seen, properties);
  if (!part.ok()) in.fail(part.take_error());
  return properties;
}

void require_topic_name(Cursor& in, std::string_view topic, ReasonCode reason) {
  if (!in.ok()) return;
  const auto checked = dispatch::check_topic_name(topic);
  if (!checked) in.fail(reason, printable(checked.error().text));
}

void require_authentication_method(Cursor& in, const Properties& properties) {
  in.fail_if(properties.has(PropertyId::authentication_data) &&
                 !properties.has(PropertyId::authentication_method),
             ReasonCode::protocol_error, "Authentication Data without Authentication Method");
}

}  // namespace protocol
