#include "proxy/protocol/framing.h"

#include <doctest/doctest.h>

#include "tests/protocol/bytes.h"

namespace protocol::test {
namespace {

VariableByte integer(std::string_view notation) {
  return read_variable_byte(as_span(bytes(notation)));
}

TEST_CASE("Variable Byte Integers [MQTT-1.5.5]") {
  struct Row {
    const char* wire;
    std::uint32_t value;
    std::size_t size;
  };
  for (const Row& row :
       {Row{"00", 0, 1}, Row{"7F", 127, 1}, Row{"8001", 128, 2}, Row{"FF7F", 16'383, 2},
        Row{"808001", 16'384, 3}, Row{"FFFF7F", 2'097'151, 3}, Row{"80808001", 2'097'152, 4},
        Row{"FFFFFF7F", 268'435'455, 4}, Row{"C102 'more'", 321, 2}}) {
    CAPTURE(row.wire);
    const VariableByte read = integer(row.wire);
    CHECK(read.value == row.value);
    CHECK(read.size == row.size);
    CHECK_FALSE(read.bad);
  }
}

TEST_CASE("ill-formed integers are known as soon as they can be") {
  for (const char* wire : {"80808080", "FFFFFFFF 7F", "8000", "FF00", "808000", "80808000"}) {
    CAPTURE(wire);
    CHECK(integer(wire).bad);
    CHECK(integer(wire).size == 0);
  }
  for (const char* wire : {"", "80", "8080", "808080"}) {
    CAPTURE(wire);
    CHECK_FALSE(integer(wire).bad);
    CHECK(integer(wire).size == 0);
  }
}

TEST_CASE("a frame is the first packet and no more") {
  const std::string wire = bytes("30 03 0001 't' C0 00");
  const auto frame = next_frame(as_span(wire), 100);
  REQUIRE(frame.has_value());
  CHECK(frame->first_byte == 0x30);
  CHECK(frame->size == 5);
  CHECK(frame->needed == 5);
  CHECK(frame->body.size() == 3);
  CHECK(frame->body.data() == as_span(wire).data() + 2);
}

TEST_CASE("an unfinished frame says what it needs") {
  CHECK(next_frame({}, 100)->needed == 0);
  CHECK(next_frame(as_span(bytes("30")), 100)->needed == 0);
  CHECK(next_frame(as_span(bytes("30 80")), 100)->needed == 0);
  CHECK(next_frame(as_span(bytes("30 8001")), 200)->needed == 131);
  CHECK(next_frame(as_span(bytes("30 05 00")), 100)->needed == 7);
  CHECK(next_frame(as_span(bytes("30 05 00")), 100)->size == 0);
}

TEST_CASE("an ill-formed Remaining Length is a malformed packet") {
  for (const char* wire : {"30 80808080", "30 8000", "30 FFFFFFFF 7F"}) {
    CAPTURE(wire);
    const auto frame = next_frame(as_span(bytes(wire)), 300'000'000);
    REQUIRE_FALSE(frame.has_value());
    CHECK(frame.error().reason == ReasonCode::malformed_packet);
  }
}

TEST_CASE("the largest packet, one less and one more") {
  const auto head = bytes("30 FD01");  // 253 bytes to come, 256 in all
  CHECK(next_frame(as_span(head), 257)->needed == 256);
  CHECK(next_frame(as_span(head), 256)->needed == 256);
  const auto frame = next_frame(as_span(head), 255);
  REQUIRE_FALSE(frame.has_value());
  CHECK(frame.error().reason == ReasonCode::packet_too_large);
}

TEST_CASE("the largest length there is needs no arithmetic beyond the limit") {
  CHECK(next_frame(as_span(bytes("30 FFFFFF7F")), 268'435'460)->needed == 268'435'460);
  CHECK_FALSE(next_frame(as_span(bytes("30 FFFFFF7F")), 268'435'459).has_value());
}

}  // namespace
}  // namespace protocol::test
