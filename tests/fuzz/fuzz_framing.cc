#include <algorithm>

#include "proxy/protocol/framing.h"
#include "tests/fuzz/fuzz_target.h"

// The first byte is the limit for packets in units of 16 bytes, the rest a stream. The frames must
// not depend on how the stream was cut: byte by byte gives the same as all at once, `needed` is
// what it took, and an error is known by then.

namespace protocol {
namespace {

using Bytes = std::span<const std::uint8_t>;

// How many bytes of `stream` it takes until next_frame has something to say.
std::size_t patience(Bytes stream, std::size_t limit) {
  std::size_t needed = 0;
  for (std::size_t size = 0; size < stream.size(); ++size) {
    const auto frame = next_frame(stream.first(size), limit);
    if (!frame || frame->size != 0) return size;
    FUZZ_REQUIRE(needed == 0 || frame->needed == needed);
    FUZZ_REQUIRE(frame->needed == 0 || frame->needed > size);
    needed = frame->needed;
  }
  return stream.size();
}

// The size of the frame at the start of `stream`; 0 if there is none.
std::size_t check_frame(Bytes stream, std::size_t limit) {
  const auto frame = next_frame(stream, limit);
  const std::size_t seen = patience(stream, limit);
  if (!frame) {
    FUZZ_REQUIRE(seen <= 5);
    return 0;
  }
  if (frame->size == 0) {
    FUZZ_REQUIRE(seen == stream.size());
    return 0;
  }
  FUZZ_REQUIRE(frame->size == seen && frame->size == frame->needed && frame->size <= limit);
  FUZZ_REQUIRE(frame->first_byte == stream[0]);
  FUZZ_REQUIRE(frame->body.data() + frame->body.size() == stream.data() + frame->size);
  FUZZ_REQUIRE(frame->size - frame->body.size() >= 2 && frame->size - frame->body.size() <= 5);
  return frame->size;
}

void run(Bytes input) {
  if (input.empty()) return;
  const std::size_t limit = std::size_t{input[0]} * 16;
  Bytes stream = input.subspan(1, std::min<std::size_t>(input.size() - 1, 4096));
  while (const std::size_t size = check_frame(stream, limit)) stream = stream.subspan(size);
}

}  // namespace
}  // namespace protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  protocol::run({data, size});
  return 0;
}
