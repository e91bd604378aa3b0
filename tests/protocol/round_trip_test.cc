#include <doctest/doctest.h>

#include <cstdlib>

#include "proxy/protocol/encode.h"
#include "proxy/protocol/print.h"
#include "tests/protocol/bytes.h"
#include "tests/protocol/random_packet.h"

namespace protocol::test {
namespace {

// SLUICE_SEED=n plays another game, or a failed one again.
std::uint64_t seed() {
  const char* given = std::getenv("SLUICE_SEED");
  return given ? std::strtoull(given, nullptr, 10) : 20241124;
}

Version random_version(Random& random) { return random() % 2 == 0 ? Version::v3_1_1 : Version::v5; }

TEST_CASE("random packets come back equal") {
  CAPTURE(seed());
  Random random(seed());
  std::string wire;
  for (int i = 0; i < 100'000; ++i) {
    const Version version = random_version(random);
    const Packet packet = random_packet(random, version);
    wire.clear();
    encode(packet, version, wire);
    const auto back = read_packet(wire, version);
    if (back && *back == packet) continue;
    CAPTURE(i);
    FAIL(to_text(packet), back ? " came back as " + to_text(*back) : ": " + back.error().text);
  }
}

TEST_CASE("the size of a PUBLISH is known beforehand, and its head stands alone") {
  CAPTURE(seed());
  Random random(seed());
  for (int publishes = 0; publishes < 2'000;) {
    const Version version = random_version(random);
    const Packet packet = random_packet(random, version);
    const auto* publish = std::get_if<Publish>(&packet);
    if (!publish) continue;
    ++publishes;
    const std::string wire = encoded(packet, version);
    REQUIRE(publish_size(*publish, publish->payload.size(), version) == wire.size());
    Publish without_payload = *publish;
    without_payload.payload.clear();
    std::string head;
    encode_publish_head(without_payload, publish->payload.size(), version, head);
    REQUIRE(head + publish->payload == wire);
  }
}

// Whatever still decodes is a packet that we can write, never longer than it came.
TEST_CASE("damaged packets are refused or are packets") {
  CAPTURE(seed());
  Random random(seed());
  int refused = 0;
  for (int i = 0; i < 50'000; ++i) {
    const Version version = random_version(random);
    std::string wire = encoded(random_packet(random, version), version);
    for (auto damages = 1 + random() % 3; damages > 0; --damages) {
      wire[random() % std::min<std::size_t>(wire.size(), 200)] = static_cast<char>(random());
    }
    const auto frame = next_frame(as_span(wire), wire.size());
    if (!frame || frame->size == 0) continue;
    const auto packet = decode(frame->first_byte, frame->body, version);
    refused += packet ? 0 : 1;
    if (!packet) continue;
    const std::string again = encoded(*packet, version);
    REQUIRE(again.size() <= frame->size);
    REQUIRE(*read_packet(again, version) == *packet);
  }
  CHECK(refused > 1'000);
}

}  // namespace
}  // namespace protocol::test
