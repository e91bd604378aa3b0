#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "dispatch/result.h"

namespace leveldb {
class Env;
}

// Verifies a journal that nobody uses, and changes nothing:
//  - both databases open without repair, and every block of every file has its checksum;
//  - every value is of a known kind, has its own checksum, and can be decoded to its last byte;
//  - the log has no hole between the oldest commit that is needed and the newest one;
//  - the state and the log fit together: the log after the checkpoint can be folded in;
//  - every message that some group has not settled is in the log or among those moved out of it,
//    and found where the index says.

namespace storage {

struct CheckReport {
  std::vector<std::string> findings;  // a line each, at most kMaxFindings
  std::uint64_t problems = 0;         // all of them
  std::uint64_t queues = 0;
  std::uint64_t commits = 0;   // read, with every record in them
  std::uint64_t messages = 0;  // kept for some group, and found
  std::uint64_t bytes = 0;     // of values read

  bool ok() const { return problems == 0; }
};

inline constexpr std::size_t kMaxFindings = 1000;

// `progress` is told the bytes read so far, about every megabyte. An error: there is no journal, or
// another process has it open.
dispatch::Result<CheckReport> check_journal(
    const std::filesystem::path& directory, leveldb::Env* env = nullptr,
    const std::function<void(std::uint64_t bytes)>& progress = {});

}  // namespace storage
