#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "leveldb/db.h"
#include "leveldb/env.h"
#include "storage/envelope.h"

// One LevelDB database, opened the way the journal needs it. LevelDB never throws; its Status
// becomes our Error here.

namespace storage {

// They open or make `path`. paranoid_checks is on, reuse_logs off: a damaged database is refused,
// and every open starts a new write-ahead log.
Result<std::unique_ptr<leveldb::DB>> open_log(const std::string& path, leveldb::Env* env,
                                              std::uint64_t buffer_bytes);
Result<std::unique_ptr<leveldb::DB>> open_state(const std::string& path, leveldb::Env* env);

Error to_error(const leveldb::Status& status);

inline leveldb::Slice to_slice(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view to_view(const leveldb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// Whatever was written before it is durable too, so that at a power cut only what comes after the
// last such write of a database can be in doubt.
inline leveldb::WriteOptions synced() {
  leveldb::WriteOptions options;
  options.sync = true;
  return options;
}

// For reading the log: each block is looked at once or a few times in a row, so LevelDB's block
// cache would only hold what is not needed any more.
inline leveldb::ReadOptions uncached() {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  return options;
}

}  // namespace storage
