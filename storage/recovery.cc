#include "storage/recovery.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "storage/database.h"
#include "storage/file_env.h"
#include "storage/replay.h"

namespace storage {
namespace {

Result<void> prepare_directory(const std::filesystem::path& directory) {
  std::error_code error;
  if (!std::filesystem::exists(directory, error))
    if (auto made = make_directory(directory); !made) return made;
  if (!std::filesystem::is_directory(directory, error)) return unavailable("is not a directory");
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0)
    return unavailable(std::string("can't be read and written: ") + std::strerror(errno));
  return {};
}

bool is_empty(leveldb::DB& database) {
  const std::unique_ptr<leveldb::Iterator> it(database.NewIterator({}));
  it->SeekToFirst();
  return !it->Valid() && it->status().ok();
}

// Reads the state database into the fold.
class StateLoader {
 public:
  StateLoader(Recovered& to, CoveredPerQueue& covered) : to_(to), covered_(covered) {}

  Result<void> run() {
    to_.fold.last_commit = to_.head.covered;
    to_.fold.states.next_id = to_.head.next_queue;
    if (auto loaded = load_spilled(); !loaded) return loaded;
    return load_queues();
  }

 private:
  Result<void> load_spilled() {
    const std::unique_ptr<leveldb::Iterator> it(to_.state->NewIterator(checked()));
    for (it->Seek("i"); it->Valid(); it->Next()) {
      const auto queue = spill_index_of(to_view(it->key()));
      if (!queue) break;
      auto blocks = decode_spilled(*queue, to_view(it->value()));
      if (!blocks) return blocks.error();
      blocks->touched = true;  // a look may be due
      to_.fold.spilled[*queue] = std::move(*blocks);
    }
    return it->status().ok() ? Result<void>() : to_error(it->status());
  }

  Result<void> load_queues() {
    const std::unique_ptr<leveldb::Iterator> it(to_.state->NewIterator(checked()));
    for (it->Seek("q"); it->Valid(); it->Next()) {
      const auto queue = storage::queue_of(to_view(it->key()));
      if (!queue) break;
      auto record = decode_queue(*queue, to_view(it->value()));
      if (!record) return record.error();
      take(*queue, std::move(*record));
    }
    share_options(to_.fold.states);
    return it->status().ok() ? Result<void>() : to_error(it->status());
  }

  static leveldb::ReadOptions checked() {
    leveldb::ReadOptions options;
    options.verify_checksums = true;
    return options;
  }

  // A record knows nothing of what was moved or removed after it.
  void take(QueueId queue, QueueRecord&& record) {
    covered_[queue] = record.covered;
    if (record.deleted) {
      to_.graves[queue] = record.covered;
      return;
    }
    const auto blocks = to_.fold.spilled.find(queue);
    record.runs.begin_at(to_.head.kept_from,
                         blocks == to_.fold.spilled.end() ? Offset{} : blocks->second.end());
    to_.fold.states.queues[queue] = std::move(record.state);
    if (!record.runs.empty()) to_.fold.runs[queue] = std::move(record.runs);
  }

  Recovered& to_;
  CoveredPerQueue& covered_;
};

// A mailbox whose template is gone from state/ already is deleted further on in the log.
Result<void> check_templates(const QueueStates& states) {
  for (const auto& [id, queue] : states.queues)
    if (queue.is_mailbox() && !states.queues.contains(queue.template_queue))
      return unavailable("the mailbox of topic '" + queue.topic + "' has no template, queue " +
                         std::to_string(queue.template_queue.value) +
                         ": state/ is damaged, restore a backup");
  return {};
}

Result<void> write_head(Recovered& to) {
  std::string value;
  encode_head(value, to.head);
  const auto status = to.state->Put(synced(), to_slice(kHeadKey), value);
  return status.ok() ? Result<void>() : to_error(status);
}

// False: there is none yet.
Result<bool> read_head(Recovered& to) {
  std::string value;
  const auto status = to.state->Get({}, to_slice(kHeadKey), &value);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return to_error(status);
  auto head = decode_head(value);
  if (!head) return head.error();
  to.head = *head;
  return true;
}

// The head is written when both databases are there, so a log that is not was taken away. To be
// asked before LevelDB makes a new one. The same goes for the schema: what later ones added is not
// there in an older journal, so the number is all there is to do, but before anything new is
// written. Who knows the old one only must not take it for its own any more.
Result<void> before_log_is_opened(Recovered& to, const std::string& directory, leveldb::Env& env) {
  if (!env.FileExists(directory + "/log/CURRENT"))
    return unavailable("log/ is missing: restore a backup of both databases");
  return to.head.schema == kSchemaVersion ? Result<void>() : write_head(to);
}

Result<void> open_databases(Recovered& to, const std::string& directory, leveldb::Env* env,
                            std::uint64_t log_buffer_bytes) {
  auto state = open_state(directory + "/state", env);
  if (!state) return unavailable("state/ can't be opened: " + state.error().text);
  to.state = std::move(*state);
  const auto has_head = read_head(to);
  if (!has_head) return has_head.error();
  if (*has_head)
    if (auto ready = before_log_is_opened(to, directory, *env); !ready) return ready;
  to.log_env = std::make_unique<LogEnv>(*env);
  auto log = open_log(directory + "/log", to.log_env.get(), log_buffer_bytes);
  if (!log) return unavailable("log/ can't be opened: " + log.error().text);
  to.log = std::move(*log);
  if (*has_head) return {};
  if (!is_empty(*to.state))
    return unavailable("state/ has no head: it is damaged, restore a backup");
  return write_head(to);
}

// A removal of what a deleted queue had may have been cut short.
void find_orphans(Fold& fold) {
  for (auto entry = fold.spilled.begin(); entry != fold.spilled.end();) {
    const auto here = entry++;
    if (!fold.states.queues.contains(here->first)) fold.orphans.insert(fold.spilled.extract(here));
  }
}

Result<Recovered> recover_in(const std::filesystem::path& directory, leveldb::Env* env,
                             std::uint64_t log_buffer_bytes) {
  if (env == nullptr) {
    if (auto prepared = prepare_directory(directory); !prepared) return prepared.error();
    env = file_env();
  }
  Recovered to;
  auto lock = DirectoryLock::take(*env, directory.string());
  if (!lock) return lock.error();
  to.lock = std::move(*lock);
  if (auto opened = open_databases(to, directory.string(), env, log_buffer_bytes); !opened)
    return opened.error();
  CoveredPerQueue covered;
  if (auto loaded = StateLoader(to, covered).run(); !loaded) return loaded.error();
  if (auto replayed = replay(to, covered); !replayed) return replayed.error();
  if (auto whole = check_templates(to.fold.states); !whole) return whole.error();
  find_orphans(to.fold);
  return to;
}

}  // namespace

Result<void> make_directory(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> missing;
  std::error_code error;
  for (auto path = std::filesystem::absolute(directory).lexically_normal();
       !std::filesystem::exists(path, error) && path.has_relative_path(); path = path.parent_path())
    missing.push_back(path);
  std::filesystem::create_directories(directory, error);
  if (error) return unavailable("can't be made: " + error.message());
  if (!missing.empty()) ::chmod(directory.c_str(), S_IRWXU);
  for (const auto& path : missing)
    if (const auto synced = sync_name_of(path.string()); !synced.ok()) return to_error(synced);
  return {};
}

Result<std::unique_ptr<DirectoryLock>> DirectoryLock::take(leveldb::Env& env,
                                                           const std::string& directory) {
  env.CreateDir(directory);  // there already, most of the time; if not, the lock fails
  leveldb::FileLock* lock = nullptr;
  const auto status = env.LockFile(directory + "/LOCK", &lock);
  if (!status.ok())
    return unavailable("is in use by another sluice, or its LOCK can't be taken: " +
                       status.ToString());
  return std::unique_ptr<DirectoryLock>(new DirectoryLock(env, lock));
}

DirectoryLock::~DirectoryLock() { env_.UnlockFile(lock_); }

Result<Recovered> recover(const std::filesystem::path& directory, leveldb::Env* env,
                          std::uint64_t log_buffer_bytes) {
  auto recovered = recover_in(directory, env, log_buffer_bytes);
  if (!recovered)
    return unavailable("data directory " + directory.string() + ": " + recovered.error().text);
  return recovered;
}

}  // namespace storage
