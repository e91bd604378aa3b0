#include "storage/journal.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "leveldb/write_batch.h"
#include "storage/checkpoint.h"
#include "storage/database.h"
#include "storage/journal_copy.h"
#include "storage/log_reader.h"
#include "storage/reclaim.h"
#include "storage/record.h"
#include "storage/recovery.h"
#include "storage/session_store.h"
#include "storage/spill.h"
#include "storage/spill_reader.h"
#include "storage/spill_removal.h"
#include "storage/sync_need.h"

namespace storage {
namespace {

// LevelDB's limit is 4 GiB; the largest MQTT packet is 256 MiB.
constexpr std::size_t kMaxBlockBytes = 1u << 30;

// Of log no longer needed that is worth a checkpoint and a compaction while the disk is low.
constexpr std::uint64_t kLowReclaimBytes = 32u << 20;

Time now() {
  return std::chrono::time_point_cast<dispatch::Duration>(std::chrono::system_clock::now());
}

}  // namespace

struct Journal::Impl {
  Impl(const JournalOptions& opened_with, Recovered&& recovered);

  Result<void> commit(std::span<const Write> writes);
  Result<void> sync();
  Result<bool> work();
  Result<void> checkpoint();
  Result<std::vector<StoredMessage>> read(QueueId queue, const ReadRange& range);
  Result<void> put_session(const std::string& client_id, const std::string& record);
  Result<void> begin_backup(const std::filesystem::path& to);

  JournalOptions options;
  Recovered disk;
  Checkpointer checkpointer;
  Reclaimer reclaimer;
  LogReader reader;
  SpillReader spill_reader;
  Spiller spiller;
  SpillRemoval removal;
  JournalStats stats;
  std::string block;                // of the commit under way; its memory is kept
  std::optional<Error> poison;      // why nothing may be written any more
  std::uint64_t checkpoint_at = 0;  // log_bytes when the last checkpoint was begun
  CommitNumber synced = 0;          // durable up to this commit
  bool made_room = false;           // since the last look for space: something left the log
  DiskReserve reserve;
  std::optional<dispatch::Duration> sync_within;
  std::unique_ptr<JournalCopy> copy;  // being made
  std::optional<BackupProgress> backup;

 private:
  Error poisoned(const Error& why);
  Result<void> check_usable() const;
  bool low() const { return reserve.room().low; }
  bool checkpoint_due();
  bool enough_to_reclaim();
  Result<bool> move_some();
  void copy_slice();
  void begin_checkpoint();
  Result<void> checkpoint_slice();
  Result<void> write(CommitNumber commit, std::span<const Write> writes);
};

Journal::Impl::Impl(const JournalOptions& opened_with, Recovered&& recovered)
    : options(opened_with),
      disk(std::move(recovered)),
      checkpointer(*disk.state, disk.fold, disk.head, std::move(disk.graves), options.slice_bytes),
      reclaimer(*disk.log, disk.head.removed_below),
      reader(*disk.log),
      spill_reader(*disk.state),
      spiller(*disk.log, *disk.state, disk.fold, reader,
              {options.window_bytes, options.reclaim_bytes, options.slice_bytes}),
      removal(*disk.state, disk.fold, 4 * options.reclaim_bytes),
      checkpoint_at(disk.covered_bytes),
      synced(disk.fold.last_commit),
      reserve(options.disk_reserve_bytes,
              options.free_bytes ? options.free_bytes : free_bytes_of(options.directory)) {
  reclaimer.map().note(disk.head.removed_below, 0);
  reclaimer.map().note(disk.head.covered + 1, disk.covered_bytes);
  reclaimer.map().note(disk.fold.last_commit + 1, disk.fold.log_bytes);
}

Error Journal::Impl::poisoned(const Error& why) {
  poison = unavailable("journal failed and must be opened again: " + why.text);
  return *poison;
}

Result<void> Journal::Impl::check_usable() const {
  if (poison) return *poison;
  return {};
}

Result<void> Journal::Impl::commit(std::span<const Write> writes) {
  if (auto usable = check_usable(); !usable || writes.empty()) return usable;
  const CommitNumber commit = disk.fold.last_commit + 1;
  encode_block(block, commit, now(), writes);
  if (block.size() > kMaxBlockBytes)
    return dispatch::invalid("a commit of " + std::to_string(block.size()) + " bytes is too large");
  // In memory first: what contradicts itself must not reach the disk. If the disk then fails, the
  // fold is ahead of it, but nobody looks at it again: the journal is poisoned.
  for (const Write& write : writes)
    if (auto done = disk.fold.apply(commit, write); !done) return poisoned(done.error());
  if (auto done = write(commit, writes); !done) return poisoned(done.error());
  reclaimer.map().note(commit, disk.fold.log_bytes);
  disk.fold.close(commit, block.size());
  ++stats.commits;
  stats.committed_bytes += block.size();
  return {};
}

Result<void> Journal::Impl::put_session(const std::string& client_id, const std::string& record) {
  if (auto usable = check_usable(); !usable) return usable;
  if (auto done = storage::put_session(*disk.state, client_id, record); !done)
    return poisoned(done.error());
  return {};
}

Result<void> Journal::Impl::write(CommitNumber commit, std::span<const Write> writes) {
  const SyncNeed need = sync_need(disk.fold.states, writes);
  leveldb::WriteOptions how;
  how.sync = need.now;
  const auto status = disk.log->Put(how, log_key(commit), block);
  if (!status.ok()) return to_error(status);
  if (need.now) {
    synced = commit;
    sync_within.reset();
  } else if (need.within) {
    sync_within = std::min(*need.within, sync_within.value_or(*need.within));
  }
  return {};
}

// An empty write, synced: LevelDB has no other way to sync what was written before.
Result<void> Journal::Impl::sync() {
  if (auto usable = check_usable(); !usable || synced == disk.fold.last_commit) return usable;
  leveldb::WriteBatch nothing;
  const auto status = disk.log->Write(storage::synced(), &nothing);
  if (!status.ok()) return poisoned(to_error(status));
  synced = disk.fold.last_commit;
  sync_within.reset();
  return {};
}

bool Journal::Impl::checkpoint_due() {
  if (disk.fold.last_commit == checkpointer.head().covered) return false;
  return disk.fold.log_bytes - checkpoint_at >= options.checkpoint_bytes || enough_to_reclaim();
}

// Looks over all queues with a backlog, so only when enough has happened to make that cheap.
bool Journal::Impl::enough_to_reclaim() {
  const auto settled = std::max<std::size_t>(32, disk.fold.runs.size() / 4);
  if (!made_room && disk.fold.settlements < settled) return false;
  made_room = false;
  disk.fold.settlements = 0;
  const std::uint64_t most = low() ? kLowReclaimBytes : options.reclaim_bytes;
  const std::uint64_t enough = std::min(most, options.reclaim_bytes);
  removal.look(enough);
  return reclaimer.bytes_below(lowest_needed(disk.fold)) >= enough;
}

void Journal::Impl::begin_checkpoint() {
  checkpoint_at = disk.fold.log_bytes;
  checkpointer.start();
}

Result<bool> Journal::Impl::work() {
  if (auto usable = check_usable(); !usable) return usable.error();
  if (copy) copy_slice();
  if (!checkpointer.running()) {
    auto more = reclaimer.slice(checkpointer.head().kept_from,
                                low() ? kLowReclaimBytes : 4 * options.reclaim_bytes);
    if (!more) return poisoned(more.error());
    if (*more) return true;
    if (!checkpoint_due()) return move_some();
    begin_checkpoint();
  }
  if (auto done = checkpoint_slice(); !done) return done.error();
  return true;
}

// Moves messages out of the log, or removes what was moved and is gone. The log is synced first:
// neither must be ahead of it.
Result<bool> Journal::Impl::move_some() {
  if (!spiller.running()) spiller.look(reclaimer);
  if (spiller.running()) {
    if (auto done = sync(); !done) return done.error();
    if (auto done = spiller.slice(); !done) return poisoned(done.error());
    made_room = made_room || !spiller.running();
    return true;
  }
  if (removal.due()) {
    if (auto done = sync(); !done) return done.error();
    const auto more = removal.slice();
    if (!more) return poisoned(more.error());
    if (*more) return true;
  }
  return copy != nullptr;
}

Result<void> Journal::Impl::begin_backup(const std::filesystem::path& to) {
  if (auto usable = check_usable(); !usable) return usable;
  if (copy) return Error{dispatch::ErrorKind::exists, "a backup is under way already"};
  auto begun =
      JournalCopy::begin({disk.log.get(), disk.state.get(), reclaimer.removed_below()}, to);
  if (!begun) return begun.error();
  copy = std::move(*begun);
  backup.emplace();
  return {};
}

void Journal::Impl::copy_slice() {
  const auto more = copy->slice();
  const CopyProgress progress = copy->progress();
  backup->copied_bytes = progress.copied_bytes;
  backup->total_bytes = progress.total_bytes;
  if (more && *more) return;
  backup->running = false;
  if (!more) backup->failure = more.error().text;
  copy.reset();
}

// The state must never know of a commit that a power cut can still take from the log.
Result<void> Journal::Impl::checkpoint_slice() {
  if (auto done = sync(); !done) return done;
  if (auto done = checkpointer.slice(reclaimer.removed_below()); !done)
    return poisoned(done.error());
  if (!checkpointer.running()) removal.look(1);
  return {};
}

Result<std::vector<StoredMessage>> Journal::Impl::read(QueueId queue, const ReadRange& range) {
  if (poison) return *poison;
  Reading reading(queue, range);
  const auto blocks = disk.fold.spilled.find(queue);
  if (blocks != disk.fold.spilled.end() && !reading.done())
    if (auto done = spill_reader.read(blocks->second, reading); !done) return done.error();
  const auto runs = disk.fold.runs.find(queue);
  if (runs != disk.fold.runs.end() && !reading.done())
    if (auto done = reader.read(runs->second, reading); !done) return done.error();
  return std::move(reading.found);
}

Result<void> Journal::Impl::checkpoint() {
  if (auto usable = check_usable(); !usable) return usable;
  if (!checkpointer.running()) begin_checkpoint();
  while (checkpointer.running())
    if (auto done = checkpoint_slice(); !done) return done;
  return {};
}

Result<std::unique_ptr<Journal>> Journal::open(const JournalOptions& options) {
  auto recovered = recover(options.directory, options.env, options.log_buffer_bytes);
  if (!recovered) return recovered.error();
  return std::unique_ptr<Journal>(
      new Journal(std::make_unique<Impl>(options, std::move(*recovered))));
}

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::~Journal() = default;

QueueStates Journal::states() const { return impl_->disk.fold.states; }

Result<void> Journal::commit(std::span<const Write> writes) { return impl_->commit(writes); }

std::optional<dispatch::Duration> Journal::sync_within() const { return impl_->sync_within; }

Result<void> Journal::sync() { return impl_->sync(); }

bool Journal::poisoned() const { return impl_->poison.has_value(); }

Result<std::vector<StoredMessage>> Journal::read(QueueId queue, Offset from, Offset end,
                                                 std::uint32_t max_messages,
                                                 std::uint64_t max_bytes) {
  return impl_->read(queue, {from, end, max_messages, max_bytes});
}

std::vector<std::string> Journal::take_damage() {
  std::vector<std::string> damage = std::exchange(impl_->disk.damage, {});
  for (std::string& line : impl_->reader.take_damage()) damage.push_back(std::move(line));
  for (std::string& line : impl_->spill_reader.take_damage()) damage.push_back(std::move(line));
  return damage;
}

Result<void> Journal::put_session(const std::string& client_id, const std::string& record) {
  return impl_->put_session(client_id, record);
}

Result<std::map<std::string, std::string>> Journal::sessions() const {
  return read_sessions(*impl_->disk.state);
}

DiskRoom Journal::look_at_disk() { return impl_->reserve.look(); }

Result<void> Journal::begin_backup(const std::filesystem::path& to) {
  return impl_->begin_backup(to);
}

std::optional<BackupProgress> Journal::backup() const { return impl_->backup; }

Result<bool> Journal::work() { return impl_->work(); }

Result<void> Journal::checkpoint() { return impl_->checkpoint(); }

JournalStats Journal::stats() const {
  JournalStats stats = impl_->stats;
  stats.last_commit = impl_->disk.fold.last_commit;
  stats.first_commit = stats.last_commit == 0 ? 0 : impl_->reclaimer.removed_below();
  stats.checkpoint_commit = impl_->checkpointer.head().covered;
  stats.synced_commit = impl_->synced;
  stats.moved_messages = impl_->spiller.moved_messages();
  stats.moved_bytes = impl_->spiller.moved_bytes();
  return stats;
}

}  // namespace storage
