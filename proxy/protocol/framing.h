#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <boost/system/result.hpp>

#include "proxy/protocol/reason_code.h"

// Finds the packets in a stream of bytes [MQTT-2.1], without looking into them.

namespace protocol {

// What was wrong with the bytes and the reason code that answers it. `text` is for the log and,
// in 5.0, for the Reason String: one short line, whatever the peer sent.
struct DecodeError {
  ReasonCode reason = ReasonCode::malformed_packet;
  std::string text;
};

template <class T>
using Result = boost::system::result<T, DecodeError>;

[[noreturn]] void throw_exception_from_error(const DecodeError&, const boost::source_location&);

struct Frame {
  std::uint8_t first_byte = 0;         // packet type and flags
  std::span<const std::uint8_t> body;  // after the Remaining Length
  std::size_t size = 0;                // of the whole packet; 0: not all there yet
  // With size 0: how many bytes the whole packet will have, or 0 if even that isn't known yet.
  std::size_t needed = 0;
};

// The packet at the start of `bytes`. Errors: 0x81 for a Remaining Length of more than four bytes
// or not in its shortest form, 0x95 for a packet of more than `max_packet_bytes` in all, known as
// soon as its length is.
Result<Frame> next_frame(std::span<const std::uint8_t> bytes, std::size_t max_packet_bytes);

// A Variable Byte Integer [MQTT-1.5.5]: seven bits per byte, the lowest first.
inline constexpr std::uint32_t max_variable_byte = 268'435'455;
// The largest packet: that Remaining Length behind the five bytes that say it.
inline constexpr std::uint32_t largest_packet_bytes = max_variable_byte + 5;

struct VariableByte {
  std::uint32_t value = 0;
  std::size_t size = 0;  // bytes it took; 0: there is none
  bool bad = false;      // with size 0: ill-formed, and more bytes won't help
};

// Ill-formed: more than four bytes, or not in its shortest form [MQTT-1.5.5-1].
VariableByte read_variable_byte(std::span<const std::uint8_t> bytes);

}  // namespace protocol
