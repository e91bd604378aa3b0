#include "dispatch/packet_size.h"

namespace dispatch {

namespace {

// Fixed header, lengths and the small properties of a PUBLISH.
constexpr std::uint64_t kPacketHeadBytes = 64;
constexpr std::uint64_t kUserPropertyHeadBytes = 5;
constexpr std::uint64_t kMetadataBytes = 192;
constexpr std::uint64_t kDeadMetadataBytes = 192;  // besides the reason, which Entry::bytes has

}  // namespace

std::uint64_t packet_bytes(const Entry& entry, const QueueOptions& options) {
  const Message& message = *entry.message;
  std::uint64_t bytes =
      entry.bytes + kPacketHeadBytes + message.properties.user.size() * kUserPropertyHeadBytes;
  if (options.metadata)
    bytes += kMetadataBytes + options.name.size() + message.publisher.size() + entry.key.size();
  if (options.metadata && message.dead_letter) bytes += kDeadMetadataBytes;
  return bytes;
}

}  // namespace dispatch
