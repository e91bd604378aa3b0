#include "storage/journal_copy.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "leveldb/write_batch.h"
#include "storage/database.h"
#include "storage/file_env.h"
#include "storage/log_env.h"
#include "storage/look.h"
#include "storage/recovery.h"

namespace storage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSliceBytes = 1u << 20;
constexpr std::uint64_t kCopyBufferBytes = 4u << 20;

// One database at one moment, being read from a key on.
class Original {
 public:
  Original(leveldb::DB& database, const std::string& first_key)
      : database_(database), snapshot_(database.GetSnapshot()) {
    leveldb::ReadOptions options = uncached();
    options.snapshot = snapshot_;
    it_.reset(database.NewIterator(options));
    it_->Seek(first_key);
  }
  ~Original() {
    it_.reset();
    database_.ReleaseSnapshot(snapshot_);
  }
  Original(const Original&) = delete;
  Original& operator=(const Original&) = delete;

  // Of its tables and what is in memory, as LevelDB guesses.
  std::uint64_t size() const {
    const std::string end(9, '\xff');
    const leveldb::Range all(leveldb::Slice(), end);
    std::uint64_t bytes = 0;
    database_.GetApproximateSizes(&all, 1, &bytes);
    return bytes;
  }

  // Copies about a megabyte more; false if there is nothing left.
  Result<bool> copy_some(leveldb::DB& to, const leveldb::WriteOptions& how, std::uint64_t& copied) {
    leveldb::WriteBatch batch;
    std::uint64_t bytes = 0;
    for (; it_->Valid() && bytes < kSliceBytes; it_->Next()) {
      batch.Put(it_->key(), it_->value());
      bytes += it_->key().size() + it_->value().size();
    }
    if (!it_->status().ok()) return to_error(it_->status());
    if (bytes == 0) return false;
    if (const auto status = to.Write(how, &batch); !status.ok()) return to_error(status);
    copied += bytes;
    return true;
  }

 private:
  leveldb::DB& database_;
  const leveldb::Snapshot* const snapshot_;
  std::unique_ptr<leveldb::Iterator> it_;
};

// Everything that was written to it, as with synced().
Result<void> sync(leveldb::DB& database) {
  leveldb::WriteBatch nothing;
  const auto status = database.Write(synced(), &nothing);
  return status.ok() ? Result<void>() : to_error(status);
}

Result<void> check_free(const fs::path& to) {
  std::error_code error;
  if (!fs::exists(to, error) && !error) return {};
  if (!error && fs::is_directory(to, error) && fs::is_empty(to, error)) return {};
  if (error) return unavailable(to.string() + ": " + error.message());
  return dispatch::Error{dispatch::ErrorKind::exists, to.string() + " is there already"};
}

}  // namespace

struct JournalCopy::Impl {
  Impl(const Source& from, const fs::path& destination)
      : to(destination),
        part(destination.string() + ".part"),
        log_env(*file_env()),
        log(*from.log, log_key(from.first_commit)),
        state(*from.state, {}) {}

  // Databases are closed before their directory goes.
  ~Impl() {
    close();
    std::error_code ignored;
    if (!whole) fs::remove_all(part, ignored);
  }

  Result<void> open_copies() {
    std::error_code error;
    fs::remove_all(part, error);
    if (error) return unavailable(part.string() + ": " + error.message());
    if (auto made = make_directory(part); !made)
      return unavailable(part.string() + " " + made.error().text);
    auto lock = DirectoryLock::take(*file_env(), part.string());
    if (!lock) return unavailable(part.string() + " " + lock.error().text);
    copy_lock = std::move(*lock);
    auto log_made = open_log((part / "log").string(), &log_env, kCopyBufferBytes);
    if (!log_made) return log_made.error();
    log_copy = std::move(*log_made);
    auto state_made = open_state((part / "state").string(), file_env());
    if (!state_made) return state_made.error();
    state_copy = std::move(*state_made);
    return {};
  }

  void close() {
    state_copy.reset();
    log_copy.reset();
    copy_lock.reset();
  }

  // The name comes last, when everything under it is durable.
  Result<void> finish() {
    if (auto done = sync(*log_copy); !done) return done;
    close();
    std::error_code error;
    fs::remove(to, error);  // an empty directory, or nothing
    fs::rename(part, to, error);
    if (error) return unavailable(to.string() + ": " + error.message());
    whole = true;
    if (const auto status = sync_name_of(to.string()); !status.ok()) return to_error(status);
    return {};
  }

  const fs::path to;
  const fs::path part;
  LogEnv log_env;
  Original log, state;
  std::unique_ptr<DirectoryLock> copy_lock;
  std::unique_ptr<leveldb::DB> log_copy, state_copy;
  CopyProgress progress;
  bool whole = false;
};

JournalCopy::JournalCopy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JournalCopy::~JournalCopy() = default;

Result<std::unique_ptr<JournalCopy>> JournalCopy::begin(const Source& from, const fs::path& to) {
  fs::path destination = to.lexically_normal();
  if (!destination.has_filename()) destination = destination.parent_path();  // dir/
  if (auto free = check_free(destination); !free) return free.error();
  auto impl = std::make_unique<Impl>(from, destination);
  if (auto opened = impl->open_copies(); !opened) return opened.error();
  impl->progress.total_bytes = impl->log.size() + impl->state.size();
  return std::unique_ptr<JournalCopy>(new JournalCopy(std::move(impl)));
}

Result<bool> JournalCopy::slice() {
  std::uint64_t& copied = impl_->progress.copied_bytes;
  auto more = impl_->log.copy_some(*impl_->log_copy, {}, copied);
  if (!more || *more) return more;
  // Each write synced: no LogEnv keeps its write-ahead logs from going unsynced.
  more = impl_->state.copy_some(*impl_->state_copy, synced(), copied);
  if (!more || *more) return more;
  if (auto done = impl_->finish(); !done) return done.error();
  return false;
}

CopyProgress JournalCopy::progress() const {
  CopyProgress progress = impl_->progress;
  progress.total_bytes = std::max(progress.total_bytes, progress.copied_bytes);
  if (impl_->whole) progress.total_bytes = progress.copied_bytes;
  return progress;
}

Result<void> copy_journal(const fs::path& from, const fs::path& to,
                          const std::function<void(const CopyProgress&)>& tell) {
  auto look = look_at(from, nullptr);
  if (!look) return look.error();
  const auto journal = recover(from, look->env.get(), kLookBufferBytes);
  if (!journal) return journal.error();
  auto copy = JournalCopy::begin(
      {journal->log.get(), journal->state.get(), journal->head.removed_below}, to);
  if (!copy) return copy.error();
  for (;;) {
    const auto more = (*copy)->slice();
    if (!more) return more.error();
    if (tell) tell((*copy)->progress());
    if (!*more) return {};
  }
}

}  // namespace storage
