#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

// The end of the disk, met before LevelDB meets it: when less than a reserve is free, the journal
// is to grow no more, but settlements, checkpoints and compactions still have what they need.

namespace storage {

struct DiskRoom {
  bool low = false;
  std::uint64_t free_bytes = 0;
  std::uint64_t reserve_bytes = 0;
};

class DiskReserve {
 public:
  // `free_bytes` tells what the file system has left; a reserve of 0 never asks it.
  DiskReserve(std::uint64_t reserve_bytes, std::function<std::uint64_t()> free_bytes);

  // Measures. Low is less than the reserve; once it is low, it stays so until there is an eighth of
  // the reserve more, so that it doesn't come and go with every commit.
  DiskRoom look();
  // As of the last look.
  const DiskRoom& room() const { return room_; }

 private:
  std::function<std::uint64_t()> free_bytes_;
  DiskRoom room_;
};

// What is free for this process on the file system of a directory. One that can't be asked has
// room: then the writes will tell.
std::function<std::uint64_t()> free_bytes_of(const std::filesystem::path& directory);

}  // namespace storage
