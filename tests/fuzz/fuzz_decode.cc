#include <string>

#include "proxy/protocol/decode.h"
#include "proxy/protocol/encode.h"
#include "proxy/protocol/print.h"
#include "proxy/protocol/utf8.h"
#include "tests/fuzz/fuzz_target.h"

// The first byte chooses the version, the rest is a packet. What decodes must encode, never longer
// than it came, and decode to the same again; what doesn't must have a reason fit to be sent.

namespace protocol {
namespace {

Result<Packet> read(const std::string& wire, Version version) {
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size());
  const auto frame = next_frame(bytes, bytes.size());
  FUZZ_REQUIRE(frame.has_value() && frame->size == bytes.size());
  return decode(frame->first_byte, frame->body, version);
}

void check_error(const DecodeError& error) {
  FUZZ_REQUIRE(is_error(error.reason));
  FUZZ_REQUIRE(!error.text.empty() && error.text.size() < 500);
  FUZZ_REQUIRE(valid_utf8(error.text));
}

void check_packet(const Packet& packet, std::size_t size, Version version) {
  std::string wire;
  encode(packet, version, wire);
  FUZZ_REQUIRE(wire.size() <= size);
  const auto again = read(wire, version);
  FUZZ_REQUIRE(again.has_value() && *again == packet);
  FUZZ_REQUIRE(!to_text(packet).empty());
  if (const auto checked = check_from_client(packet); !checked) check_error(checked.error());
}

void run(std::span<const std::uint8_t> input) {
  if (input.empty()) return;
  const Version version = input[0] % 2 == 0 ? Version::v3_1_1 : Version::v5;
  const auto frame = next_frame(input.subspan(1), 1 << 20);
  if (!frame) return check_error(frame.error());
  if (frame->size == 0) return;
  const auto packet = decode(frame->first_byte, frame->body, version);
  packet ? check_packet(*packet, frame->size, version) : check_error(packet.error());
  connect_version(frame->body);
}

}  // namespace
}  // namespace protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  protocol::run({data, size});
  return 0;
}
