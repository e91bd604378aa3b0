#include "proxy/protocol/properties.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>

#include "proxy/protocol/writer.h"
#include "tests/protocol/bytes.h"

namespace protocol::test {
namespace {

// The table of [MQTT-2.2.2.2] copied by hand, apart from the one under test. Packets by a letter:
// C CONNECT, W Will, c CONNACK, P PUBLISH, a the four acknowledgements, S SUBSCRIBE, s SUBACK,
// U UNSUBSCRIBE, u UNSUBACK, D DISCONNECT, A AUTH.
struct Row {
  PropertyId id;
  PropertyType type;
  const char* wire;
  std::string_view packets;
};

constexpr std::string_view every_packet = "CWcPaSsUuDA";

using enum PropertyType;
constexpr std::array table = {
    Row{PropertyId{0x01}, byte, "01 01", "PW"},
    Row{PropertyId{0x02}, four_byte, "02 0000000A", "PW"},
    Row{PropertyId{0x03}, utf8_string, "03 0001 'c'", "PW"},
    Row{PropertyId{0x08}, utf8_string, "08 0001 'r'", "PW"},
    Row{PropertyId{0x09}, binary, "09 0001 00", "PW"},
    Row{PropertyId{0x0B}, variable_byte, "0B 8001", "PS"},
    Row{PropertyId{0x11}, four_byte, "11 FFFFFFFF", "CcD"},
    Row{PropertyId{0x12}, utf8_string, "12 0001 'i'", "c"},
    Row{PropertyId{0x13}, two_byte, "13 0000", "c"},
    Row{PropertyId{0x15}, utf8_string, "15 0001 'm'", "CcA"},
    Row{PropertyId{0x16}, binary, "16 0001 00", "CcA"},
    Row{PropertyId{0x17}, byte, "17 00", "C"},
    Row{PropertyId{0x18}, four_byte, "18 00000000", "W"},
    Row{PropertyId{0x19}, byte, "19 00", "C"},
    Row{PropertyId{0x1A}, utf8_string, "1A 0001 'r'", "c"},
    Row{PropertyId{0x1C}, utf8_string, "1C 0001 's'", "cD"},
    Row{PropertyId{0x1F}, utf8_string, "1F 0001 'r'", "casuDA"},
    Row{PropertyId{0x21}, two_byte, "21 0001", "Cc"},
    Row{PropertyId{0x22}, two_byte, "22 0000", "Cc"},
    Row{PropertyId{0x23}, two_byte, "23 0001", "P"},
    Row{PropertyId{0x24}, byte, "24 01", "c"},
    Row{PropertyId{0x25}, byte, "25 01", "c"},
    Row{PropertyId{0x26}, utf8_pair, "26 0001 'k' 0001 'v'", every_packet},
    Row{PropertyId{0x27}, four_byte, "27 00000001", "Cc"},
    Row{PropertyId{0x28}, byte, "28 00", "c"},
    Row{PropertyId{0x29}, byte, "29 00", "c"},
    Row{PropertyId{0x2A}, byte, "2A 00", "c"},
};

std::string with_length(const std::string& properties) {
  std::string out;
  Writer(out).variable_byte(properties.size());
  return out + properties;
}

// A packet around `properties`, whose length it adds: first byte and body.
struct Carrier {
  char letter;
  std::uint8_t first_byte;
  const char* before;
  const char* after;
};

constexpr std::array carriers = {
    Carrier{'C', 0x10, "0004 'MQTT' 05 02 0000", "0000"},
    Carrier{'W', 0x10, "0004 'MQTT' 05 06 0000 00 0000", "0001 'w' 0000"},
    Carrier{'c', 0x20, "00 00", ""},
    Carrier{'P', 0x30, "0001 't'", "'payload'"},
    Carrier{'a', 0x40, "0001 00", ""},
    Carrier{'a', 0x50, "0001 00", ""},
    Carrier{'a', 0x62, "0001 00", ""},
    Carrier{'a', 0x70, "0001 00", ""},
    Carrier{'S', 0x82, "0001", "0001 't' 00"},
    Carrier{'s', 0x90, "0001", "00"},
    Carrier{'U', 0xA2, "0001", "0001 't'"},
    Carrier{'u', 0xB0, "0001", "00"},
    Carrier{'D', 0xE0, "00", ""},
    Carrier{'A', 0xF0, "18", ""},
};

Result<Packet> carry(const Carrier& carrier, const std::string& properties) {
  const std::string body = bytes(carrier.before) + with_length(properties) + bytes(carrier.after);
  return decode(carrier.first_byte, as_span(body), Version::v5);
}

// What a property needs beside it to be right where it may stand.
std::string companion(const Carrier& carrier, PropertyId id) {
  const bool is_method = id == PropertyId::authentication_method;
  const bool wants_method = carrier.letter == 'A' || id == PropertyId::authentication_data;
  return wants_method && !is_method ? bytes("15 0001 'm'") : "";
}

void expect(const Result<Packet>& packet, ReasonCode reason) {
  REQUIRE_FALSE(packet.has_value());
  CHECK_MESSAGE(packet.error().reason == reason, packet.error().text);
}

TEST_CASE("identifiers and types") {
  std::set<PropertyId> ids;
  for (const Row& row : table) {
    CAPTURE(row.wire);
    ids.insert(row.id);
    CHECK(type_of(row.id) == row.type);
    CHECK(name(row.id) != "Unknown property");
  }
  CHECK(ids.size() == 27);
  for (unsigned number = 0; number < 256; ++number) {
    const auto id = static_cast<PropertyId>(number);
    CHECK((find_rule(id) != nullptr) == ids.contains(id));
  }
  CHECK(name(PropertyId{0x7F}) == "Unknown property");
}

TEST_CASE("each property stands where the specification has it and nowhere else") {
  for (const Row& row : table) {
    for (const Carrier& carrier : carriers) {
      CAPTURE(row.wire);
      CAPTURE(carrier.letter);
      const auto packet = carry(carrier, companion(carrier, row.id) + bytes(row.wire));
      if (row.packets.find(carrier.letter) != row.packets.npos) {
        CHECK_MESSAGE(packet.has_value(), packet.error().text);
      } else {
        expect(packet, ReasonCode::malformed_packet);
      }
    }
  }
}

TEST_CASE("only User Properties repeat, and Subscription Identifiers in PUBLISH") {
  for (const Row& row : table) {
    for (const Carrier& carrier : carriers) {
      if (row.packets.find(carrier.letter) == row.packets.npos) continue;
      CAPTURE(row.wire);
      CAPTURE(carrier.letter);
      const std::string wire = bytes(row.wire);
      std::string twice = companion(carrier, row.id);
      twice.append(wire).append(wire);
      const auto packet = carry(carrier, twice);
      const bool repeats = row.id == PropertyId::user_property ||
                           (row.id == PropertyId::subscription_identifier && carrier.letter == 'P');
      if (repeats) {
        CHECK_MESSAGE(packet.has_value(), packet.error().text);
      } else {
        expect(packet, ReasonCode::protocol_error);
      }
    }
  }
}

const Carrier& carrier_of(char letter) {
  return *std::ranges::find(carriers, letter, &Carrier::letter);
}

TEST_CASE("numbers within their range") {
  struct Range {
    char carrier;
    const char* wire;
    bool good;
  };
  for (const Range& range : {Range{'P', "01 00", true},        Range{'P', "01 01", true},
                             Range{'P', "01 02", false},       Range{'W', "01 02", false},
                             Range{'C', "17 01", true},        Range{'C', "17 02", false},
                             Range{'C', "19 01", true},        Range{'C', "19 02", false},
                             Range{'c', "24 00", true},        Range{'c', "24 02", false},
                             Range{'c', "25 02", false},       Range{'c', "28 02", false},
                             Range{'c', "29 FF", false},       Range{'c', "2A 02", false},
                             Range{'C', "21 0000", false},     Range{'C', "21 0001", true},
                             Range{'c', "21 0000", false},     Range{'c', "21 FFFF", true},
                             Range{'C', "27 00000000", false}, Range{'c', "27 FFFFFFFF", true},
                             Range{'P', "0B 01", true},        Range{'P', "0B FFFFFF7F", true},
                             Range{'P', "23 FFFF", true}}) {
    CAPTURE(range.wire);
    const auto packet = carry(carrier_of(range.carrier), bytes(range.wire));
    CHECK(packet.has_value() == range.good);
    if (!packet) CHECK(packet.error().reason == ReasonCode::protocol_error);
  }
  // What brokers in use call malformed.
  expect(carry(carrier_of('P'), bytes("23 0000")), ReasonCode::malformed_packet);
  expect(carry(carrier_of('P'), bytes("0B 00")), ReasonCode::malformed_packet);
  expect(carry(carrier_of('S'), bytes("0B 00")), ReasonCode::malformed_packet);
}

TEST_CASE("ill-formed properties") {
  const Carrier& publish = carrier_of('P');
  for (const char* wire :
       {"00", "04 00", "2B", "7F", "8001", "8126 0000 0000", "A600 0000 0000",  // no such property
        "01", "02 000000", "03 0002 'a'", "26 0001 'a'", "26 0001 'a' 0001",    // too short
        "0B 80808080", "0B 8000", "0B FFFFFFFF01",                              // no integer
        "03 0001 00", "26 0001 FF 0000", "26 0000 0003 EDA080"}) {              // no UTF-8
    CAPTURE(wire);
    expect(carry(publish, bytes(wire)), ReasonCode::malformed_packet);
  }
}

TEST_CASE("a Response Topic is a Topic Name [MQTT-3.3.2-14]") {
  for (const char* wire : {"08 0003 'a/+'", "08 0001 '#'", "08 0000"}) {
    CAPTURE(wire);
    expect(carry(carrier_of('P'), bytes(wire)), ReasonCode::protocol_error);
    expect(carry(carrier_of('W'), bytes(wire)), ReasonCode::protocol_error);
  }
}

TEST_CASE("Authentication Data needs a method, AUTH always") {
  for (const char letter : {'C', 'c', 'A'}) {
    expect(carry(carrier_of(letter), bytes("16 0001 00")), ReasonCode::protocol_error);
  }
  expect(carry(carrier_of('A'), ""), ReasonCode::protocol_error);
  expect(carry(carrier_of('A'), bytes("1F 0000")), ReasonCode::protocol_error);
}

TEST_CASE("Properties as a list") {
  Properties list;
  CHECK(list.empty());
  CHECK(list.number(PropertyId::topic_alias) == std::nullopt);
  CHECK(list.text(PropertyId::content_type) == nullptr);
  list.add(PropertyId::subscription_identifier, 1);
  list.add(PropertyId::subscription_identifier, 2);
  list.add(PropertyId::content_type, "text");
  list.add_user("k", "v");
  CHECK(list.number(PropertyId::subscription_identifier) == 1);
  CHECK(*list.text(PropertyId::content_type) == "text");
  CHECK(list.items().back().pair() == StringPair("k", "v"));
  list.set(PropertyId::subscription_identifier, 3);
  list.set(PropertyId::content_type, "json");
  CHECK(list.items().size() == 3);
  CHECK(list.number(PropertyId::subscription_identifier) == 3);
  CHECK(*list.text(PropertyId::content_type) == "json");
  list.remove(PropertyId::user_property);
  CHECK_FALSE(list.has(PropertyId::user_property));
  list.clear();
  CHECK(list == Properties());
}

}  // namespace
}  // namespace protocol::test
