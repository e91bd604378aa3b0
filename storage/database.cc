#include "storage/database.h"

namespace storage {
namespace {

leveldb::Options options_for(DatabaseKind kind, leveldb::Env* env) {
  leveldb::Options options;
  options.env = env;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.reuse_logs = false;
  if (kind == DatabaseKind::log) {
    // Two of these may be in memory at once. Larger ones were a little faster and cost RSS.
    options.write_buffer_size = 16u << 20;
    options.max_file_size = 8u << 20;
    options.max_open_files = 256;
    options.compression = leveldb::kNoCompression;  // payloads are what they are
  } else {
    options.max_open_files = 64;
  }
  return options;
}

}  // namespace

Result<std::unique_ptr<leveldb::DB>> open_database(const std::string& path, DatabaseKind kind,
                                                   leveldb::Env* env) {
  leveldb::DB* database = nullptr;
  const auto status = leveldb::DB::Open(options_for(kind, env), path, &database);
  std::unique_ptr<leveldb::DB> owner(database);
  if (!status.ok()) return to_error(status);
  return owner;
}

Error to_error(const leveldb::Status& status) { return unavailable(status.ToString()); }

}  // namespace storage
