#include "storage/disk_reserve.h"

#include <limits>
#include <system_error>
#include <utility>

namespace storage {

DiskReserve::DiskReserve(std::uint64_t reserve_bytes, std::function<std::uint64_t()> free_bytes)
    : free_bytes_(std::move(free_bytes)) {
  room_.reserve_bytes = reserve_bytes;
}

DiskRoom DiskReserve::look() {
  if (room_.reserve_bytes == 0) return room_;
  room_.free_bytes = free_bytes_();
  const std::uint64_t more = room_.low ? room_.reserve_bytes / 8 : 0;
  room_.low = room_.free_bytes < room_.reserve_bytes + more;
  return room_;
}

std::function<std::uint64_t()> free_bytes_of(const std::filesystem::path& directory) {
  return [directory]() -> std::uint64_t {
    std::error_code failed;
    const auto space = std::filesystem::space(directory, failed);
    return failed ? std::numeric_limits<std::uint64_t>::max() : space.available;
  };
}

}  // namespace storage
