#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dispatch/queue_state.h"
#include "dispatch/result.h"
#include "dispatch/step.h"
#include "dispatch/time.h"
#include "storage/key.h"

namespace leveldb {
class Env;
}

// A journal that nobody uses, to be looked at: it is opened and recovered as for serving, but
// nothing on the disk is changed. One that a sluice has open is refused; a backup of it is not.

namespace storage {

// Messages of one queue that were moved out of the log together.
struct SpilledView {
  dispatch::QueueId queue;
  dispatch::Offset first;
  std::uint64_t bytes = 0;
  std::vector<dispatch::StoredMessage> messages;
  std::string damage;  // not empty: why there are no more
};

struct CommitView {
  CommitNumber commit = 0;
  dispatch::Time time{};
  std::uint64_t bytes = 0;
  std::vector<dispatch::Write> writes;  // with their messages
  std::string damage;                   // not empty: why nothing else is known of it
};

// What a journal consists of, in numbers.
struct JournalFigures {
  std::uint64_t queues = 0;            // dead letters are queues of their own
  std::uint64_t sessions = 0;          // records of MQTT sessions
  std::uint64_t kept = 0;              // messages
  CommitNumber last_commit = 0;        // 0: nothing was ever committed
  CommitNumber checkpoint_commit = 0;  // a start replays what comes after it
  CommitNumber kept_from = 0;          // no queue needs a commit below
  CommitNumber first_commit = 0;       // the oldest that is still on disk
  std::uint64_t runs = 0;              // of the index of messages in the log
  std::uint64_t spilled_blocks = 0;    // of messages moved out of the log
  std::uint64_t spilled_bytes = 0;
  std::uint64_t log_disk_bytes = 0;
  std::uint64_t state_disk_bytes = 0;
};

class Inspection {
 public:
  // `env` nullptr: the real file system. Errors as of Journal::open(), and: there is no journal.
  static dispatch::Result<std::unique_ptr<Inspection>> open(const std::filesystem::path& directory,
                                                            leveldb::Env* env = nullptr);
  ~Inspection();
  Inspection(const Inspection&) = delete;
  Inspection& operator=(const Inspection&) = delete;

  // As of the last commit.
  const dispatch::QueueStates& states() const;
  JournalFigures figures() const;
  // Commits that could not be read at the start, a line each.
  const std::vector<std::string>& damage() const;
  dispatch::Result<std::map<std::string, std::string>> sessions() const;

  // Gives what was moved out of the log, a block at a time in memory, by queue and offset, until
  // `visit` says false.
  dispatch::Result<void> each_spilled(const std::function<bool(const SpilledView&)>& visit) const;
  // Gives the commits from..last that are kept, in order, one at a time in memory, until `visit`
  // says false.
  dispatch::Result<void> each_commit(CommitNumber from, CommitNumber last,
                                     const std::function<bool(const CommitView&)>& visit) const;

 private:
  struct Impl;
  explicit Inspection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace storage
