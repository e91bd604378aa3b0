#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// The letters of the journal's language: fixed and variable-length integers and length-prefixed
// strings, appended to a string and read back from one. Nothing here allocates but the output.

namespace storage {

// Little endian.
inline void put_fixed32(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<char>((value >> shift) & 0xFF));
}

inline void put_fixed64(std::string& out, std::uint64_t value) {
  put_fixed32(out, static_cast<std::uint32_t>(value));
  put_fixed32(out, static_cast<std::uint32_t>(value >> 32));
}

// Seven bits a byte, lowest first, the high bit set on all but the last: 1 to 10 bytes.
inline void put_varint(std::string& out, std::uint64_t value) {
  char bytes[10];
  std::size_t count = 0;
  while (value >= 0x80) {
    bytes[count++] = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  bytes[count++] = static_cast<char>(value);
  out.append(bytes, count);
}

// Small negative numbers stay short: 0, -1, 1, -2 become 0, 1, 2, 3.
inline void put_signed(std::string& out, std::int64_t value) {
  put_varint(out,
             (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

inline void put_string(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

// Reads what the functions above wrote. After the first thing that does not fit it has failed() and
// gives zeros and empty strings only, so a decoder may check once at the end of a record.
class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}

  std::uint8_t byte() {
    if (at_ == data_.size()) return fail();
    return static_cast<std::uint8_t>(data_[at_++]);
  }

  std::uint32_t fixed32() {
    if (left() < 4) return fail();
    std::uint32_t value = 0;
    for (int shift = 0; shift < 32; shift += 8) value |= std::uint32_t{byte()} << shift;
    return value;
  }

  std::uint64_t fixed64() {
    const std::uint64_t low = fixed32();
    return low | std::uint64_t{fixed32()} << 32;
  }

  // Only the shortest form is taken: one value, one spelling.
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint64_t next = byte();
      if (shift == 63 && next > 1) return fail();
      value |= (next & 0x7F) << shift;
      if (next < 0x80) return next == 0 && shift != 0 ? fail() : value;
    }
    return fail();
  }

  // For numbers that are 32 bits wide by their meaning.
  std::uint32_t varint32() {
    const std::uint64_t value = varint();
    return value > 0xFFFFFFFF ? fail() : static_cast<std::uint32_t>(value);
  }

  std::int64_t signed_varint() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }

  std::string_view string() {
    const std::uint64_t size = varint();
    if (size > left()) {
      fail();
      return {};
    }
    const std::string_view text = data_.substr(at_, size);
    at_ += size;
    return text;
  }

  // A count of things that take at least one byte each: never more than there are bytes, so it is
  // safe to reserve for.
  std::uint64_t count() {
    const std::uint64_t value = varint();
    return value > left() ? fail() : value;
  }

  std::size_t at() const { return at_; }
  std::size_t left() const { return data_.size() - at_; }
  bool done() const { return at_ == data_.size() && !failed_; }
  bool failed() const { return failed_; }

  // Marks the input as wrong, for rules that are not the letters' own. Returns 0.
  std::uint8_t fail() {
    failed_ = true;
    at_ = data_.size();
    return 0;
  }

 private:
  std::string_view data_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace storage
