#include "tests/protocol/packet_table.h"

#include <doctest/doctest.h>

#include <set>

#include "proxy/protocol/print.h"
#include "tests/protocol/bytes.h"

namespace protocol::test {
namespace {

TEST_CASE("bytes from the specification become the packet") {
  for (const auto* table : {&packet_table(), &long_forms()}) {
    for (const Sample& sample : *table) {
      CAPTURE(sample.name);
      const auto packet = read_packet(bytes(sample.wire), sample.version);
      REQUIRE_MESSAGE(packet.has_value(), packet.error().text);
      CHECK_MESSAGE(*packet == sample.packet, to_text(*packet));
    }
  }
}

TEST_CASE("packets become the bytes of the specification") {
  for (const Sample& sample : packet_table()) {
    CAPTURE(sample.name);
    CHECK(encoded(sample.packet, sample.version) == bytes(sample.wire));
  }
}

TEST_CASE("longer forms come back in the shortest") {
  for (const Sample& sample : long_forms()) {
    CAPTURE(sample.name);
    const std::string shortest = encoded(sample.packet, sample.version);
    CHECK(shortest.size() < bytes(sample.wire).size());
    CHECK(*read_packet(shortest, sample.version) == sample.packet);
  }
}

TEST_CASE("the table has every packet of each version") {
  std::set<PacketType> old, current;
  for (const Sample& sample : packet_table()) {
    (sample.version == Version::v5 ? current : old).insert(type_of(sample.packet));
  }
  CHECK(old.size() == 14);  // all but AUTH
  CHECK(current.size() == 15);
}

TEST_CASE("a stream that ends within a packet needs more") {
  for (const Sample& sample : packet_table()) {
    CAPTURE(sample.name);
    const std::string wire = bytes(sample.wire);
    for (std::size_t size = 0; size < wire.size(); ++size) {
      const auto frame = next_frame(as_span(wire).first(size), wire.size());
      REQUIRE(frame.has_value());
      REQUIRE(frame->size == 0);
      REQUIRE((frame->needed == 0 || frame->needed == wire.size()));
    }
  }
}

// Some packets are whole at several lengths; whatever decodes must be a packet in its own right.
TEST_CASE("a body cut short is an error or another packet") {
  std::size_t errors = 0;
  for (const Sample& sample : packet_table()) {
    CAPTURE(sample.name);
    const std::string wire = bytes(sample.wire);
    const auto frame = next_frame(as_span(wire), wire.size());
    for (std::size_t size = 0; size < frame->body.size(); ++size) {
      // In memory of its exact size, so that the address sanitizer sees a byte too many.
      const std::vector<std::uint8_t> body(frame->body.begin(), frame->body.begin() + size);
      const auto packet = decode(frame->first_byte, body, sample.version);
      errors += packet ? 0 : 1;
      if (!packet) continue;
      REQUIRE(*packet != sample.packet);
      REQUIRE(*read_packet(encoded(*packet, sample.version), sample.version) == *packet);
    }
  }
  CHECK(errors > 400);
}

}  // namespace
}  // namespace protocol::test
