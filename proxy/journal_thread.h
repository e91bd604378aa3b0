#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "dispatch/step.h"
#include "proxy/durations.h"
#include "storage/journal.h"

namespace proxy {

// What the journal thread answers, on the core thread, in the order of the questions.
class JournalEvents {
 public:
  virtual void on_committed(const dispatch::Result<void>& result) = 0;
  virtual void on_read(const dispatch::Load& load,
                       dispatch::Result<std::vector<dispatch::StoredMessage>>&& found) = 0;
  // The answer to peek().
  virtual void on_peeked(std::uint64_t peek,
                         dispatch::Result<std::vector<dispatch::StoredMessage>>&& found) = 0;
  // A put_session() is through. If it failed, so does the next commit.
  virtual void on_session_put() = 0;
  // Less is free on the disk than the reserve, and why publishes must be refused; empty: no more.
  virtual void on_disk_low(const std::string& why) = 0;
  // How far a backup is: when it was begun or refused, now and then, and when it ended.
  virtual void on_backup(storage::BackupProgress&& progress) = 0;
  // The journal was opened again after a failure: this is what it holds.
  virtual void on_reopened(dispatch::QueueStates&& states) = 0;
  // It could not be opened; the next try is under way.
  virtual void on_reopen_failed(const std::string& why) = 0;

 protected:
  ~JournalEvents() = default;
};

// The thread that may block on the disk: it owns the journal, takes one job after another, and
// uses the time between jobs for the journal's background work.
class JournalThread {
 public:
  // `core` and `events` must outlive it; `options` are for opening the journal again.
  JournalThread(boost::asio::io_context& core, JournalEvents& events,
                const storage::JournalOptions& options);
  // Finishes the jobs it has, writes a checkpoint and ends. Answers that were not performed yet
  // never may be: `core` must not be run any more.
  ~JournalThread();
  JournalThread(const JournalThread&) = delete;
  JournalThread& operator=(const JournalThread&) = delete;

  // Starts the thread, once, with the journal as it was opened.
  void start(std::unique_ptr<storage::Journal> journal);

  void commit(std::vector<dispatch::Write>&& writes);
  void read(const dispatch::Load& load);
  // The same for somebody who only looks: what can't be read is an error, and not tried again.
  void peek(std::uint64_t peek, const dispatch::Load& load);
  // A record of a session (storage::Journal::put_session).
  void put_session(const std::string& client_id, const std::string& record);
  // Begins a copy of the journal in a directory that is not there yet (storage::Journal).
  void backup(const std::string& directory);
  // Drops the journal and opens it again, trying once a second until that succeeds.
  void reopen();

  // How commits went since start, as far as on_committed() has told. Core thread only.
  const Durations& commit_times() const { return commit_times_; }
  std::uint64_t failed_commits() const { return failed_commits_; }

 private:
  struct Commit {
    std::vector<dispatch::Write> writes;
  };
  struct PutSession {
    std::string client_id;
    std::string record;
  };
  struct Peek {
    std::uint64_t number;
    dispatch::Load load;
  };
  struct Backup {
    std::string directory;
  };
  struct Reopen {};
  using Job = std::variant<Commit, dispatch::Load, Peek, PutSession, Backup, Reopen>;

  void push(Job&& job);
  void run();
  bool wait_for_job(Job& job);  // false: to end
  bool work_a_while();          // true: there is more to do now
  void note_unsynced();
  void sync_if_due();
  void report_damage();
  void read_again();
  std::optional<std::chrono::steady_clock::time_point> next_due() const;
  void perform(Commit& commit);
  void perform(const dispatch::Load& load);
  void perform(const Peek& peek);
  void perform(const PutSession& session);
  void perform(const Backup& backup);
  void perform(Reopen);
  void report_backup();
  void report_disk();
  bool sleep_unless_ending(std::chrono::milliseconds time);
  void note_commit(bool written, std::chrono::steady_clock::duration took);

  boost::asio::io_context& core_;
  JournalEvents& events_;
  const storage::JournalOptions options_;
  std::unique_ptr<storage::Journal> journal_;
  // When what was acknowledged without a sync must be synced.
  std::optional<std::chrono::steady_clock::time_point> sync_at_;
  // The disk is low, as was told; and when to look again.
  std::optional<std::chrono::steady_clock::time_point> disk_at_;
  std::optional<std::uint64_t> backup_told_;  // bytes of a backup under way
  // Reads that could not be done, and when they are tried again.
  std::vector<dispatch::Load> again_;
  std::optional<std::chrono::steady_clock::time_point> again_at_;

  Durations commit_times_;  // these two belong to the core thread
  std::uint64_t failed_commits_ = 0;

  std::mutex mutex_;  // guards the three below
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool ending_ = false;

  std::thread thread_;
};

}  // namespace proxy
