#include "proxy/protocol/reason_code.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tests/protocol/bytes.h"

namespace protocol::test {
namespace {

// The codes of each packet from its own section, and bytes to put one in: `before`, code, `after`.
struct Row {
  PacketType type;
  std::uint8_t first_byte;
  const char* before;
  const char* after;
  const char* codes;
};

using enum PacketType;
constexpr std::array table = {
    Row{connack, 0x20, "00", "00",
        "00 80 81 82 83 84 85 86 87 88 89 8A 8C 90 95 97 99 9A 9B 9C 9D 9F"},
    Row{puback, 0x40, "0001", "", "00 10 80 83 87 90 91 97 99"},
    Row{pubrec, 0x50, "0001", "", "00 10 80 83 87 90 91 97 99"},
    Row{pubrel, 0x62, "0001", "", "00 92"},
    Row{pubcomp, 0x70, "0001", "", "00 92"},
    Row{suback, 0x90, "0001 00", "", "00 01 02 80 83 87 8F 91 97 9E A1 A2"},
    Row{unsuback, 0xB0, "0001 00", "", "00 11 80 83 87 8F 91"},
    Row{disconnect, 0xE0, "", "00",
        "00 04 80 81 82 83 87 89 8B 8C 8D 8E 8F 90 93 94 95 96 97 98 99 9A 9B 9C 9D 9E 9F A0 A1 "
        "A2"},
    Row{auth, 0xF0, "", "04 15 0001 'm'", "00 18 19"},
};

TEST_CASE("each packet carries its own reason codes and no other") {
  for (const Row& row : table) {
    const std::string codes = bytes(row.codes);
    for (unsigned code = 0; code < 256; ++code) {
      CAPTURE(name(row.type));
      CAPTURE(code);
      const char byte = static_cast<char>(code);
      const std::string body = bytes(row.before) + byte + bytes(row.after);
      const auto packet = decode(row.first_byte, as_span(body), Version::v5);
      const bool allowed = codes.find(byte) != codes.npos;
      CHECK(may_carry(row.type, static_cast<ReasonCode>(code)) == allowed);
      CHECK(packet.has_value() == allowed);
      if (!packet) CHECK(packet.error().reason == ReasonCode::protocol_error);
    }
  }
}

TEST_CASE("packets without a reason code carry none") {
  for (const PacketType type : {connect, publish, subscribe, unsubscribe, pingreq, pingresp}) {
    for (unsigned code = 0; code < 256; ++code) {
      REQUIRE_FALSE(may_carry(type, static_cast<ReasonCode>(code)));
    }
  }
}

TEST_CASE("names") {
  int known = 0;
  for (unsigned code = 0; code < 256; ++code) {
    known += name(static_cast<ReasonCode>(code)) != "Unknown reason code";
  }
  CHECK(known == 43);
  CHECK(name(ReasonCode::quota_exceeded) == "Quota exceeded");
  CHECK(name(ReasonCode{0xA2}) == "Wildcard Subscriptions not supported");
  CHECK(name(ReasonCode{0xFF}) == "Unknown reason code");
  CHECK_FALSE(is_error(ReasonCode{0x7F}));
  CHECK(is_error(ReasonCode{0x80}));
}

TEST_CASE("3.1.1 return codes there and back") {
  for (std::uint8_t code = 0; code <= 5; ++code) {
    CHECK(static_cast<std::uint8_t>(to_return_code(from_return_code(code))) == code);
  }
  CHECK(from_return_code(6) == ReasonCode::unspecified_error);
  CHECK(to_return_code(ReasonCode::banned) == ConnectReturnCode::not_authorized);
  CHECK(to_return_code(ReasonCode::quota_exceeded) == ConnectReturnCode::server_unavailable);
}

}  // namespace
}  // namespace protocol::test
