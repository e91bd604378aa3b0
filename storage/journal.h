#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dispatch/queue_state.h"
#include "dispatch/result.h"
#include "dispatch/step.h"
#include "storage/disk_reserve.h"

namespace leveldb {
class Env;
}

// The journal: everything durable, on two LevelDB databases in one directory
// (docs/journal_format.md).
//   log/    commit number -> one block with all writes of that commit
//   state/  a checkpoint: the fold of the log up to some commit; written now and then
// Blocking, and used by one thread at a time: the shell gives it a thread of its own.

namespace storage {

using dispatch::Offset;
using dispatch::QueueId;
using dispatch::QueueStates;
using dispatch::Result;
using dispatch::StoredMessage;
using dispatch::Write;

struct JournalOptions {
  std::filesystem::path directory;             // made if missing, mode 0700; files 0600
  leveldb::Env* env = nullptr;                 // tests only; nullptr: the real file system
  std::uint64_t checkpoint_bytes = 64u << 20;  // of log between two checkpoints
  std::uint64_t reclaim_bytes = 64u << 20;     // of log no longer needed before it is removed;
                                               // four times that before it is compacted
  std::uint64_t slice_bytes = 1u << 20;        // of a checkpoint that one work() writes, about
  // Messages that stay while this much of log is written, and with it twice what the log still
  // keeps, are moved out of it, so that the log can be given back.
  std::uint64_t window_bytes = 256u << 20;
  // What stays free on the file system, 0: nothing. Below it look_at_disk() says so.
  std::uint64_t disk_reserve_bytes = 0;
  std::function<std::uint64_t()> free_bytes;  // tests only: what is free on the file system
  // Of log that LevelDB keeps in memory; two of these may be there at once. Larger ones were a
  // little faster and cost RSS.
  std::uint64_t log_buffer_bytes = 16u << 20;
};

struct JournalStats {
  std::uint64_t commits = 0;          // since open
  std::uint64_t committed_bytes = 0;  // of blocks, since open
  std::uint64_t first_commit = 0;     // kept; 0 if the log is empty
  std::uint64_t last_commit = 0;      // 0 if nothing was ever committed
  std::uint64_t checkpoint_commit = 0;
  std::uint64_t synced_commit = 0;   // durable up to here; later ones wait for a sync
  std::uint64_t moved_messages = 0;  // out of the log, since open, because they stayed long
  std::uint64_t moved_bytes = 0;
};

struct BackupProgress {
  std::uint64_t copied_bytes = 0;
  std::uint64_t total_bytes = 0;  // about
  bool running = true;
  std::string failure;  // why it was given up
};

class Journal {
 public:
  // Opens or makes the journal and recovers it: state, then the log after it. A damaged
  // commit is left out where what follows can be understood without it: take_damage() tells. Errors
  // name the directory and the mend: not readable, held by another process, damaged so that it
  // can't be understood, made by a newer version.
  static Result<std::unique_ptr<Journal>> open(const JournalOptions& options);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // What was recovered, as of the last commit. A copy: the journal keeps its own.
  QueueStates states() const;

  // Makes the writes, all or nothing, and durable with one fsync if a queue among them has
  // durability fsync or something is defined; else they may be acknowledged although a power cut
  // before the next sync loses them. What is lost then is the newest commits, never one before
  // another that is kept. After the first failure the journal is poisoned: this and every later
  // call fails, nothing more may be acknowledged, and the only way on is to destroy it and open()
  // again.
  Result<void> commit(std::span<const Write> writes);
  // How soon sync() must follow the last commit: the shortest sync_interval of what is not synced;
  // nothing if all is, or nobody asks for it.
  std::optional<dispatch::Duration> sync_within() const;
  // Makes everything durable that was committed. A failure poisons.
  Result<void> sync();
  bool poisoned() const;

  // Messages of [from, end) of a queue that were committed and not yet reclaimed, in order, up to
  // the limits (at least one message if there is any, however large). Settled messages may or may
  // not be among them. Messages of a damaged commit are left out: offsets that are missing are
  // lost, and take_damage() says why. An error passes: the log can't be read at present.
  Result<std::vector<StoredMessage>> read(QueueId queue, Offset from, Offset end,
                                          std::uint32_t max_messages, std::uint64_t max_bytes);

  // The records of MQTT sessions that put_session() keeps, by client identifier: durable when it
  // returns; an empty record removes. A failure poisons, damage is an error of sessions().
  Result<void> put_session(const std::string& client_id, const std::string& record);
  Result<std::map<std::string, std::string>> sessions() const;

  // What was found damaged since the last call, at open() or by reads: one line a commit, each told
  // once. The commit is left out with all that it held; everything else goes on.
  std::vector<std::string> take_damage();

  // One slice of background work: some of a checkpoint, of a removal, or of moving what stays long
  // takes milliseconds; the compaction after removals takes up to about half a second, once per 4 *
  // reclaim_bytes of log.
  // True if there is more to do now. A failure poisons.
  Result<bool> work();

  // Writes a checkpoint now, so that the next open() replays nothing. For orderly shutdown.
  Result<void> checkpoint();

  // Measures how much room the file system has. While it is low, nothing that grows the journal
  // should be committed, so that LevelDB never meets the end of the disk; and work() gives back
  // what is settled in smaller steps.
  DiskRoom look_at_disk();

  // Begins a copy of the journal as it is now, in a directory that is not there yet (or empty);
  // work() goes on with it. A copy that fails is given up, and poisons nothing. One at a time.
  Result<void> begin_backup(const std::filesystem::path& to);
  // Nothing if none was begun since open().
  std::optional<BackupProgress> backup() const;

  JournalStats stats() const;

 private:
  struct Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace storage
