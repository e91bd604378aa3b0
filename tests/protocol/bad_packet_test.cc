#include <doctest/doctest.h>

#include "tests/protocol/bytes.h"

namespace protocol::test {
namespace {

using enum Version;
using enum ReasonCode;

struct Bad {
  const char* rule;
  Version version;
  const char* wire;
  ReasonCode reason;
};

void check(std::initializer_list<Bad> rows) {
  for (const Bad& bad : rows) {
    CAPTURE(bad.rule);
    CAPTURE(bad.wire);
    const auto packet = read_packet(bytes(bad.wire), bad.version);
    REQUIRE_FALSE(packet.has_value());
    CHECK_MESSAGE(packet.error().reason == bad.reason, packet.error().text);
    CHECK(packet.error().text.size() > 5);
  }
}

TEST_CASE("the fixed header") {
  check({
      {"type 0", v5, "00 00", protocol_error},
      {"type 0", v3_1_1, "0F 00", malformed_packet},
      {"AUTH is of 5.0", v3_1_1, "F0 00", protocol_error},
      {"Remaining Length in five bytes", v5, "C0 80808080 01", malformed_packet},
      {"Remaining Length not the shortest", v5, "C0 8000", malformed_packet},
      {"bytes after PINGREQ", v5, "C0 01 00", malformed_packet},
      {"bytes after PINGRESP", v5, "D0 01 00", malformed_packet},
  });
}

TEST_CASE("flags of the first byte [MQTT-2.1.3-1]") {
  const char* bodies[16] = {"",
                            "0004 'MQTT' 04 02 0000 0000",
                            "0000",
                            "0001 't'",
                            "0001",
                            "0001",
                            "0001",
                            "0001",
                            "0001 0001 'a' 00",
                            "0001 00",
                            "0001 0001 'a'",
                            "0001",
                            "",
                            "",
                            "",
                            ""};
  for (unsigned first = 0x10; first < 0xF0; ++first) {
    const unsigned type = first >> 4, flags = first & 15;
    if (type == 3) continue;
    CAPTURE(first);
    const std::string body = bytes(bodies[type]);
    const auto packet = decode(static_cast<std::uint8_t>(first), as_span(body), v3_1_1);
    const bool two = type == 6 || type == 8 || type == 10;
    CHECK(packet.has_value() == (flags == (two ? 2 : 0)));
    if (!packet) CHECK(packet.error().reason == malformed_packet);
  }
}

TEST_CASE("CONNECT: name and level") {
  check({
      {"MQTT 3.1", v5, "10 0F 0006 'MQIsdp' 03 02 0000 0001 'a'", unsupported_protocol_version},
      {"level 3", v5, "10 0D 0004 'MQTT' 03 02 0000 0001 'a'", unsupported_protocol_version},
      {"level 6", v5, "10 0D 0004 'MQTT' 06 02 0000 0001 'a'", unsupported_protocol_version},
      {"a bridge's level", v5, "10 0D 0004 'MQTT' 84 02 0000 0001 'a'",
       unsupported_protocol_version},
      {"name", v5, "10 0D 0004 'mqtt' 04 02 0000 0001 'a'", malformed_packet},
      {"no name", v5, "10 09 0000 04 02 0000 0001 'a'", malformed_packet},
      {"nothing", v5, "10 00", malformed_packet},
  });
}

TEST_CASE("the version in which to refuse a CONNECT") {
  const auto version = [](const char* wire) { return connect_version(as_span(bytes(wire))); };
  CHECK(version("0006 'MQIsdp' 03") == v3_1_1);
  CHECK(version("0004 'MQTT' 04") == v3_1_1);
  CHECK(version("0004 'MQTT' 05") == v5);
  CHECK(version("0004 'MQTT' 06") == v5);
  CHECK(version("0004 'MQTT'") == v3_1_1);
  CHECK(version("") == v3_1_1);
}

TEST_CASE("CONNECT: flags") {
  check({
      {"reserved flag", v5, "10 0D 0004 'MQTT' 04 03 0000 0001 'a'", malformed_packet},
      {"reserved flag", v5, "10 0D 0004 'MQTT' 05 03 0000 00 0000", malformed_packet},
      {"Will QoS without Will", v5, "10 0D 0004 'MQTT' 04 0A 0000 0001 'a'", malformed_packet},
      {"Will Retain without Will", v5, "10 0D 0004 'MQTT' 04 22 0000 0001 'a'", malformed_packet},
      {"Will QoS 3", v5, "10 12 0004 'MQTT' 04 1E 0000 0001 'a' 0001 'w' 0000", malformed_packet},
      {"password alone", v5, "10 10 0004 'MQTT' 04 42 0000 0001 'a' 0001 'p'", malformed_packet},
      {"Will Flag without Will", v5, "10 0D 0004 'MQTT' 04 06 0000 0001 'a'", malformed_packet},
      {"no user name after its flag", v5, "10 0D 0004 'MQTT' 04 82 0000 0001 'a'",
       malformed_packet},
      {"no password after its flag", v5, "10 10 0004 'MQTT' 04 C2 0000 0001 'a' 0001 'u'",
       malformed_packet},
  });
}

TEST_CASE("CONNECT: payload") {
  check({
      {"no Client Identifier", v5, "10 0A 0004 'MQTT' 04 02 0000", malformed_packet},
      {"empty without Clean Session", v5, "10 0C 0004 'MQTT' 04 00 0000 0000",
       client_identifier_not_valid},
      {"the same, but malformed first", v5, "10 0D 0004 'MQTT' 04 00 0000 0000 00",
       malformed_packet},
      {"U+0000 in it", v5, "10 0D 0004 'MQTT' 04 02 0000 0001 00", malformed_packet},
      {"user name not UTF-8", v5, "10 10 0004 'MQTT' 04 82 0000 0001 'a' 0001 FF",
       malformed_packet},
      {"Will Topic empty", v5, "10 11 0004 'MQTT' 04 06 0000 0001 'a' 0000 0000",
       topic_name_invalid},
      {"Will Topic with wildcard", v5, "10 12 0004 'MQTT' 04 06 0000 0001 'a' 0001 '#' 0000",
       topic_name_invalid},
      {"bytes after it", v5, "10 0E 0004 'MQTT' 04 02 0000 0001 'a' 00", malformed_packet},
      {"properties beyond the end", v5, "10 0D 0004 'MQTT' 05 02 0000 05 0000", malformed_packet},
      {"no Property Length", v5, "10 0A 0004 'MQTT' 05 02 0000", malformed_packet},
  });
}

TEST_CASE("CONNACK") {
  check({
      {"reserved flag", v5, "20 03 02 00 00", malformed_packet},
      {"Session Present in a refusal", v5, "20 03 01 87 00", protocol_error},
      {"Session Present in a refusal", v3_1_1, "20 02 01 05", protocol_error},
      {"return code 6", v3_1_1, "20 02 00 06", protocol_error},
      {"no Property Length", v5, "20 02 00 00", malformed_packet},
      {"bytes after it", v3_1_1, "20 03 00 00 00", malformed_packet},
      {"too short", v3_1_1, "20 01 00", malformed_packet},
  });
}

TEST_CASE("PUBLISH") {
  check({
      {"QoS 3", v5, "36 06 0001 't' 0001 00", malformed_packet},
      {"QoS 3", v3_1_1, "36 05 0001 't' 0001", malformed_packet},
      {"DUP with QoS 0", v5, "38 04 0001 't' 00", malformed_packet},
      {"DUP with QoS 0", v3_1_1, "38 03 0001 't'", malformed_packet},
      {"Packet Identifier 0", v5, "32 06 0001 't' 0000 00", protocol_error},
      {"Packet Identifier 0", v3_1_1, "34 05 0001 't' 0000", protocol_error},
      {"no Packet Identifier", v3_1_1, "32 03 0001 't'", malformed_packet},
      {"no topic", v3_1_1, "30 02 0000", protocol_error},
      {"neither topic nor alias", v5, "30 03 0000 00", protocol_error},
      {"wildcard", v5, "30 06 0003 'a/+' 00", protocol_error},
      {"wildcard", v3_1_1, "30 05 0003 'a/#'", protocol_error},
      {"wildcard and alias", v5, "30 07 0001 '#' 03 23 0001", protocol_error},
      {"U+0000", v5, "30 04 0001 00 00", malformed_packet},
      {"topic beyond the end", v5, "30 04 0005 't' 00", malformed_packet},
      {"no Property Length", v5, "30 03 0001 't'", malformed_packet},
      {"properties beyond the end", v5, "30 05 0001 't' 03 23", malformed_packet},
      {"Property Length not the shortest", v5, "30 05 0001 't' 8000", malformed_packet},
      {"a property that ends beyond them", v5, "30 07 0001 't' 02 23 0001", malformed_packet},
      {"nothing", v5, "30 00", malformed_packet},
  });
}

TEST_CASE("PUBACK, PUBREC, PUBREL, PUBCOMP") {
  for (const std::string first : {"40", "50", "62", "70"}) {
    check({
        {"Packet Identifier 0", v5, (first + " 02 0000").c_str(), protocol_error},
        {"Packet Identifier 0", v3_1_1, (first + " 02 0000").c_str(), protocol_error},
        {"too short", v5, (first + " 01 00").c_str(), malformed_packet},
        {"bytes after it", v3_1_1, (first + " 03 0001 00").c_str(), malformed_packet},
        {"bytes after it", v5, (first + " 05 0001 00 00 00").c_str(), malformed_packet},
        {"properties beyond the end", v5, (first + " 04 0001 00 01").c_str(), malformed_packet},
    });
  }
}

TEST_CASE("SUBSCRIBE") {
  check({
      {"Packet Identifier 0", v5, "82 07 0000 00 0001 'a' 00", malformed_packet},
      {"no filter", v5, "82 03 0001 00", malformed_packet},
      {"no filter", v3_1_1, "82 02 0001", malformed_packet},
      {"no options", v5, "82 06 0001 00 0001 'a'", malformed_packet},
      {"QoS 3", v5, "82 07 0001 00 0001 'a' 03", malformed_packet},
      {"QoS 3", v3_1_1, "82 06 0001 0001 'a' 03", malformed_packet},
      {"reserved bit 6", v5, "82 07 0001 00 0001 'a' 40", malformed_packet},
      {"reserved bit 7", v5, "82 07 0001 00 0001 'a' 80", malformed_packet},
      {"reserved bit 2", v3_1_1, "82 06 0001 0001 'a' 04", malformed_packet},
      {"Retain Handling 3", v5, "82 07 0001 00 0001 'a' 30", malformed_packet},
      {"No Local on $share", v5, "82 10 0001 00 000A '$share/g/a' 04", protocol_error},
      {"$share without name", v5, "82 0F 0001 00 0009 '$share//a' 00", malformed_packet},
      {"$share without filter", v5, "82 0E 0001 00 0008 '$share/g' 00", malformed_packet},
      {"$share with empty filter", v5, "82 0F 0001 00 0009 '$share/g/' 00", malformed_packet},
      {"$share with wildcard name", v5, "82 10 0001 00 000A '$share/+/a' 00", malformed_packet},
      {"empty filter", v5, "82 06 0001 00 0000 00", malformed_packet},
      {"a#", v5, "82 08 0001 00 0002 'a#' 00", malformed_packet},
      {"a/#/b", v3_1_1, "82 0A 0001 0005 'a/#/b' 00", malformed_packet},
      {"the second of two", v3_1_1, "82 0B 0001 0001 'a' 00 0002 '+a' 00", malformed_packet},
      {"not UTF-8", v5, "82 07 0001 00 0001 FF 00", malformed_packet},
  });
}

TEST_CASE("$share is plain text in 3.1.1") {
  CHECK(read_packet(bytes("82 0D 0001 0008 '$share/g' 00"), v3_1_1).has_value());
}

TEST_CASE("SUBACK, UNSUBSCRIBE, UNSUBACK") {
  check({
      {"no code", v5, "90 03 0001 00", protocol_error},
      {"no code", v3_1_1, "90 02 0001", protocol_error},
      {"return code 3", v3_1_1, "90 03 0001 03", protocol_error},
      {"return code 0x87", v3_1_1, "90 03 0001 87", protocol_error},
      {"Packet Identifier 0", v5, "90 04 0000 00 00", protocol_error},
      {"Packet Identifier 0", v5, "A2 06 0000 00 0001 'a'", malformed_packet},
      {"no filter", v5, "A2 03 0001 00", malformed_packet},
      {"no filter", v3_1_1, "A2 02 0001", malformed_packet},
      {"bad filter", v3_1_1, "A2 06 0001 0002 'a+'", malformed_packet},
      {"filter beyond the end", v3_1_1, "A2 05 0001 0002 'a'", malformed_packet},
      {"Packet Identifier 0", v3_1_1, "B0 02 0000", protocol_error},
      {"no code", v5, "B0 03 0001 00", protocol_error},
      {"bytes after it", v3_1_1, "B0 03 0001 00", malformed_packet},
  });
}

TEST_CASE("DISCONNECT and AUTH") {
  check({
      {"bytes after it", v3_1_1, "E0 01 00", malformed_packet},
      {"bytes after it", v5, "E0 03 00 00 00", malformed_packet},
      {"properties beyond the end", v5, "E0 02 00 05", malformed_packet},
      {"no Property Length", v5, "F0 01 18", malformed_packet},
      {"no method", v5, "F0 02 18 00", protocol_error},
  });
}

TEST_CASE("the longest string, and what a peer may put into an error") {
  std::string topic(65'535, 'a');
  const std::string body = bytes("FFFF") + topic + bytes("00");
  CHECK(decode(0x30, as_span(body), v5).has_value());
  const std::string wild = bytes("FFFF 0A") + topic.substr(2) + "#" + bytes("00");
  const auto packet = decode(0x30, as_span(wild), v5);
  REQUIRE_FALSE(packet.has_value());
  CHECK(packet.error().text.size() < 200);
  CHECK(packet.error().text.find('\n') == std::string::npos);
}

}  // namespace
}  // namespace protocol::test
