#include "storage/database.h"

namespace storage {
namespace {

leveldb::Options options_for(leveldb::Env* env) {
  leveldb::Options options;
  options.env = env;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.reuse_logs = false;
  return options;
}

Result<std::unique_ptr<leveldb::DB>> open_database(const std::string& path,
                                                   const leveldb::Options& options) {
  leveldb::DB* database = nullptr;
  const auto status = leveldb::DB::Open(options, path, &database);
  std::unique_ptr<leveldb::DB> owner(database);
  if (!status.ok()) return to_error(status);
  return owner;
}

}  // namespace

Result<std::unique_ptr<leveldb::DB>> open_log(const std::string& path, leveldb::Env* env,
                                              std::uint64_t buffer_bytes) {
  leveldb::Options options = options_for(env);
  options.write_buffer_size = buffer_bytes;
  options.max_file_size = 8u << 20;
  options.max_open_files = 256;
  options.compression = leveldb::kNoCompression;  // payloads are what they are
  return open_database(path, options);
}

Result<std::unique_ptr<leveldb::DB>> open_state(const std::string& path, leveldb::Env* env) {
  leveldb::Options options = options_for(env);
  options.max_open_files = 64;
  return open_database(path, options);
}

Error to_error(const leveldb::Status& status) { return unavailable(status.ToString()); }

}  // namespace storage
