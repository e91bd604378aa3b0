#pragma once

#include <cstdint>
#include <string_view>

// CRC-32C (Castagnoli), the checksum of everything we write (docs/journal_format.md). LevelDB has
// one of its own below ours, which it checks per table block and WAL record; ours travels with the
// data through every copy and is checked when a block is used.

namespace storage {

// The checksum of `crc`'s data followed by `data`; 0 to start. Uses the processor's instruction
// where it has one.
std::uint32_t extend_crc32c(std::uint32_t crc, std::string_view data);

inline std::uint32_t crc32c(std::string_view data) { return extend_crc32c(0, data); }

}  // namespace storage
