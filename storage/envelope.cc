#include "storage/envelope.h"

#include "storage/coding.h"
#include "storage/crc32c.h"

namespace storage {
namespace {

constexpr std::size_t kCrcBytes = 4;

std::uint32_t crc_of(std::string_view key, std::string_view value) {
  return extend_crc32c(crc32c(key), value.substr(kCrcBytes));
}

}  // namespace

void begin_envelope(std::string& out) {
  out.assign(kCrcBytes, '\0');
  out.push_back(static_cast<char>(kFormatVersion));
}

void seal_envelope(std::string& out, std::string_view key) {
  std::string crc;
  put_fixed32(crc, crc_of(key, out));
  out.replace(0, kCrcBytes, crc);
}

Result<std::string_view> open_envelope(std::string_view key, std::string_view value) {
  if (value.size() < kEnvelopeBytes) return unavailable("too short");
  Reader reader(value);
  if (reader.fixed32() != crc_of(key, value)) return unavailable("wrong checksum");
  if (const unsigned version = reader.byte(); version != kFormatVersion)
    return unavailable("format version " + std::to_string(version) +
                       " is unknown here: it was written by a newer sluice");
  return value.substr(kEnvelopeBytes);
}

}  // namespace storage
