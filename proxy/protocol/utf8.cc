#include "proxy/protocol/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace protocol {
namespace {

// Eight bytes of ASCII without U+0000. Subtracting one from each byte sets the top bit of a zero
// byte; with a zero byte it may set others too, which only sends us the slow way.
bool plain_ascii(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return ((word | (word - 0x0101010101010101u)) & 0x8080808080808080u) == 0;
}

struct Sequence {
  std::size_t size;        // 0: not a first byte
  std::uint32_t bits;      // of the code point, from the first byte
  std::uint32_t smallest;  // below it the form is overlong
};

Sequence sequence_of(std::uint8_t first) {
  if (first < 0x80) return {1, first, 0x01};  // U+0000 counts as overlong
  if ((first & 0xE0) == 0xC0) return {2, first & 0x1Fu, 0x80};
  if ((first & 0xF0) == 0xE0) return {3, first & 0x0Fu, 0x800};
  if ((first & 0xF8) == 0xF0) return {4, first & 0x07u, 0x10000};
  return {0, 0, 0};
}

// The size of the character at the start of `text`, 0 if it is none.
std::size_t character_size(std::string_view text) {
  const Sequence sequence = sequence_of(static_cast<std::uint8_t>(text[0]));
  if (sequence.size == 0 || sequence.size > text.size()) return 0;
  std::uint32_t code = sequence.bits;
  for (std::size_t i = 1; i < sequence.size; ++i) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    if ((byte & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte & 0x3Fu);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < sequence.smallest || surrogate || code > 0x10FFFF ? 0 : sequence.size;
}

}  // namespace

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    if (text.size() >= 8 && plain_ascii(text.data())) {
      text.remove_prefix(8);
      continue;
    }
    const std::size_t size = character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace protocol
