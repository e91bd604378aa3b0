#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/protocol/framing.h"
#include "proxy/protocol/utf8.h"

namespace protocol {

// Reads the data types of [MQTT-1.5] one after another. The first error sticks: every later read
// gives zero or an empty string and `at_end()` is true, so a decoder reads straight through and
// asks once. What it returns points into the bytes it was made of.
class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return !error_; }
  bool at_end() const { return at_ == end_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  DecodeError take_error() { return std::move(*error_); }  // needs !ok()

  void fail(DecodeError error) {
    if (!error_) error_ = std::move(error);
    at_ = end_;
  }

  // `text` as literal: nothing is allocated unless it fails, and only `if` stands on the hot path.
  void fail(ReasonCode reason, std::string_view text) {
    fail(DecodeError{reason, std::string(text)});
  }
  void fail_if(bool wrong, ReasonCode reason, std::string_view text) {
    if (wrong) [[unlikely]]
      fail(reason, text);
  }

  std::uint8_t byte() { return need(1) ? *at_++ : std::uint8_t{0}; }

  std::uint16_t two_byte() {
    if (!need(2)) return 0;
    const unsigned value = at_[0] << 8 | at_[1];
    at_ += 2;
    return static_cast<std::uint16_t>(value);
  }

  std::uint32_t four_byte() {
    const std::uint32_t high = two_byte();
    return high << 16 | two_byte();
  }

  // One to four bytes, in the shortest form [MQTT-1.5.5-1].
  std::uint32_t variable_byte() {
    const VariableByte value = read_variable_byte({at_, left()});
    if (value.size == 0) {
      fail(ReasonCode::malformed_packet, value.bad ? "a Variable Byte Integer is ill-formed"
                                                   : "the packet ends within an integer");
      return 0;
    }
    at_ += value.size;
    return value.value;
  }

  std::string_view bytes(std::size_t size) {
    if (!need(size)) return {};
    const std::string_view result(reinterpret_cast<const char*>(at_), size);
    at_ += size;
    return result;
  }

  std::string_view rest() { return bytes(left()); }
  std::string_view binary() { return bytes(two_byte()); }

  std::string_view utf8() {
    const std::string_view text = binary();
    if (valid_utf8(text)) return text;
    fail(ReasonCode::malformed_packet, "a string is not UTF-8 or has a U+0000");
    return {};
  }

  // The next `size` bytes as a cursor of their own. Its error is not ours: see take_error().
  Cursor part(std::size_t size) {
    const std::string_view text = bytes(size);
    return Cursor({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }

 private:
  bool need(std::size_t size) {
    if (left() >= size) return true;
    fail(ReasonCode::malformed_packet, "the packet is too short for its contents");
    return false;
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::optional<DecodeError> error_;
};

}  // namespace protocol
