#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dispatch/result.h"

// What is around every value of both databases: a checksum that covers the value and its key, so
// that a value under the wrong key is noticed too, and the version of the format inside.
//   envelope := crc (fixed32)  version (byte)  body
//   crc      := CRC-32C of key, version, body

namespace storage {

using dispatch::Error;
using dispatch::ErrorKind;
using dispatch::Result;

inline constexpr std::uint8_t kFormatVersion = 1;
inline constexpr std::size_t kEnvelopeBytes = 5;

// Clears `out` (its memory stays) and leaves room for the crc. The body is appended next.
void begin_envelope(std::string& out);
void seal_envelope(std::string& out, std::string_view key);

// The body, which stays where it is. Errors say what is wrong but not where: the caller knows.
Result<std::string_view> open_envelope(std::string_view key, std::string_view value);

// "The world failed" in one line.
inline Error unavailable(std::string text) { return {ErrorKind::unavailable, std::move(text)}; }

}  // namespace storage
