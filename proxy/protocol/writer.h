#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "dispatch/invariant.h"
#include "proxy/protocol/framing.h"

namespace protocol {

// How many bytes a Variable Byte Integer takes.
constexpr std::size_t variable_byte_size(std::size_t value) {
  return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4;
}

// Appends the data types of [MQTT-1.5] to a string that it doesn't own.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void byte(unsigned value) { out_.push_back(static_cast<char>(value)); }
  void two_byte(unsigned value) {
    byte(value >> 8 & 0xFF);
    byte(value & 0xFF);
  }
  void four_byte(std::uint32_t value) {
    two_byte(value >> 16);
    two_byte(value & 0xFFFF);
  }
  void variable_byte(std::size_t value) {
    INVARIANT(value <= max_variable_byte, "a length that four bytes can say");
    for (; value >= 128; value >>= 7) byte((value & 0x7F) | 0x80);
    byte(static_cast<unsigned>(value));
  }
  // UTF-8 or binary: the length in two bytes, then the bytes.
  void string(std::string_view text) {
    INVARIANT(text.size() <= 0xFFFF, "a string of at most 65,535 bytes");
    two_byte(static_cast<unsigned>(text.size()));
    out_.append(text);
  }
  void bytes(std::string_view text) { out_.append(text); }

  std::size_t size() const { return out_.size(); }

  // Puts the length of everything from `at` on in front of it. It moves those bytes: for packets
  // of a few hundred bytes, where that is cheaper than counting first.
  void insert_length(std::size_t at) {
    const std::size_t length = out_.size() - at;
    variable_byte(length);
    const std::size_t digits = variable_byte_size(length);
    const std::string head = out_.substr(out_.size() - digits);
    out_.resize(out_.size() - digits);
    out_.insert(at, head);
  }

 private:
  std::string& out_;
};

}  // namespace protocol
