#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "storage/envelope.h"
#include "storage/file_env.h"
#include "storage/read_only_env.h"
#include "storage/recovery.h"

// Where looking at a journal begins: a directory that holds one, seen through a ReadOnlyEnv.

namespace storage {

// What LevelDB replays goes to memory as tables of about this size.
inline constexpr std::uint64_t kLookBufferBytes = 16u << 20;

struct Look {
  leveldb::Env* base;
  std::string directory;
  std::unique_ptr<ReadOnlyEnv> env;
};

// `env` nullptr: the real file system. An error names the directory: it holds no journal.
inline Result<Look> look_at(const std::filesystem::path& directory, leveldb::Env* env) {
  Look look{env == nullptr ? file_env() : env, directory.string(), nullptr};
  bool found = false;
  for (const char* file : {"/log/CURRENT", "/state/CURRENT"})
    if (look.base->FileExists(look.directory + file)) found = true;
  if (!found) return unavailable("data directory " + look.directory + ": holds no journal");
  look.env = std::make_unique<ReadOnlyEnv>(*look.base, look.directory + "/LOCK");
  return look;
}

}  // namespace storage
