#include "proxy/protocol/framing.h"

#include "dispatch/invariant.h"

namespace protocol {

void throw_exception_from_error(const DecodeError&, const boost::source_location&) {
  dispatch::invariant_failed(__FILE__, __LINE__, "result.has_value()",
                             "a decoded value was used without asking for its error");
}

VariableByte read_variable_byte(std::span<const std::uint8_t> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i == bytes.size()) return {};
    const std::uint32_t byte = bytes[i];
    value |= (byte & 0x7F) << (7 * i);
    if (byte >= 0x80) continue;
    const bool padded = byte == 0 && i > 0;
    return padded ? VariableByte{.bad = true} : VariableByte{.value = value, .size = i + 1};
  }
  return {.bad = true};
}

Result<Frame> next_frame(std::span<const std::uint8_t> bytes, std::size_t max_packet_bytes) {
  if (bytes.empty()) return Frame{};
  const VariableByte length = read_variable_byte(bytes.subspan(1));
  if (length.bad) {
    return DecodeError{ReasonCode::malformed_packet, "the Remaining Length is ill-formed"};
  }
  if (length.size == 0) return Frame{};
  const std::size_t head = 1 + length.size;
  const std::size_t size = head + length.value;
  if (size > max_packet_bytes) {
    return DecodeError{ReasonCode::packet_too_large,
                       "a packet of " + std::to_string(size) + " bytes, at most " +
                           std::to_string(max_packet_bytes) + " are allowed"};
  }
  Frame frame{.first_byte = bytes[0], .needed = size};
  if (bytes.size() < size) return frame;
  frame.body = bytes.subspan(head, length.value);
  frame.size = size;
  return frame;
}

}  // namespace protocol
