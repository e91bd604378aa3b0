#include "tests/protocol/bytes.h"

#include <sstream>
#include <stdexcept>

#include "proxy/protocol/encode.h"

namespace protocol::test {
namespace {

char hex_byte(std::string_view digits) {
  return static_cast<char>(std::stoi(std::string(digits), nullptr, 16));
}

void append_word(const std::string& word, std::string& out) {
  if (word.front() == '\'') {
    if (word.size() < 2 || word.back() != '\'') throw std::invalid_argument(word);
    out.append(word, 1, word.size() - 2);
  } else if (const auto star = word.find('*'); star != word.npos) {
    out.append(std::stoul(word.substr(star + 1)), hex_byte(word.substr(0, star)));
  } else {
    if (word.size() % 2 != 0) throw std::invalid_argument(word);
    for (std::size_t i = 0; i < word.size(); i += 2) out += hex_byte(word.substr(i, 2));
  }
}

}  // namespace

std::string bytes(std::string_view notation) {
  std::istringstream words{std::string(notation)};
  std::string out;
  for (std::string word; words >> word;) append_word(word, out);
  return out;
}

std::span<const std::uint8_t> as_span(std::string_view bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

Result<Packet> read_packet(std::string_view wire, Version version) {
  const Result<Frame> frame = next_frame(as_span(wire), 300'000'000);
  if (!frame) return frame.error();
  if (frame->size != wire.size()) throw std::invalid_argument("not one whole packet");
  return decode(frame->first_byte, frame->body, version);
}

std::string encoded(const Packet& packet, Version version) {
  std::string out;
  encode(packet, version, out);
  return out;
}

}  // namespace protocol::test
