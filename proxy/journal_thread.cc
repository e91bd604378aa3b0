#include "proxy/journal_thread.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "proxy/log.h"

namespace proxy {
namespace {

constexpr std::chrono::seconds kReadAgain{1};
constexpr std::chrono::seconds kLookAtDisk{1};
constexpr std::uint64_t kTellBackupBytes = 4u << 20;

}  // namespace

JournalThread::JournalThread(boost::asio::io_context& core, JournalEvents& events,
                             const storage::JournalOptions& options)
    : core_(core), events_(events), options_(options) {}

JournalThread::~JournalThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void JournalThread::start(std::unique_ptr<storage::Journal> journal) {
  journal_ = std::move(journal);
  report_damage();
  report_disk();
  thread_ = std::thread([this] { run(); });
}

void JournalThread::commit(std::vector<dispatch::Write>&& writes) {
  push(Commit{std::move(writes)});
}

void JournalThread::read(const dispatch::Load& load) { push(load); }

void JournalThread::peek(std::uint64_t peek, const dispatch::Load& load) { push(Peek{peek, load}); }

void JournalThread::put_session(const std::string& client_id, const std::string& record) {
  push(PutSession{client_id, record});
}

void JournalThread::backup(const std::string& directory) { push(Backup{directory}); }

void JournalThread::reopen() { push(Reopen{}); }

void JournalThread::push(Job&& job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void JournalThread::run() {
  Job job;
  while (wait_for_job(job)) {
    std::visit([this](auto& which) { perform(which); }, job);
  }
  if (!journal_ || journal_->poisoned()) return;
  if (const auto done = journal_->checkpoint(); !done) {
    log().warn("journal: no checkpoint at the end, the next start replays the log: {}",
               done.error().text);
  }
}

bool JournalThread::wait_for_job(Job& job) {
  std::unique_lock lock(mutex_);
  while (jobs_.empty()) {
    if (ending_) return false;
    lock.unlock();
    sync_if_due();
    read_again();
    if (disk_at_ && std::chrono::steady_clock::now() >= *disk_at_) report_disk();
    const bool more = work_a_while();
    lock.lock();
    if (more) continue;
    const auto something = [this] { return ending_ || !jobs_.empty(); };
    if (const auto due = next_due()) {
      wake_.wait_until(lock, *due, something);
    } else {
      wake_.wait(lock, something);
    }
  }
  job = std::move(jobs_.front());
  jobs_.pop_front();
  return true;
}

bool JournalThread::work_a_while() {
  if (!journal_ || journal_->poisoned()) return false;
  const auto worked = journal_->work();
  if (!worked) log().error("journal: background work failed: {}", worked.error().text);
  note_unsynced();
  report_backup();
  return worked && *worked;
}

// A checkpoint or a commit may have synced everything; then there is nothing to wait for.
void JournalThread::note_unsynced() {
  const auto within = journal_->sync_within();
  if (!within) {
    sync_at_.reset();
    return;
  }
  const auto latest = std::chrono::steady_clock::now() + *within;
  sync_at_ = std::min(sync_at_.value_or(latest), latest);
}

// A failure poisons; the next commit tells.
void JournalThread::sync_if_due() {
  if (!sync_at_ || std::chrono::steady_clock::now() < *sync_at_) return;
  sync_at_.reset();
  if (!journal_ || journal_->poisoned()) return;
  if (const auto done = journal_->sync(); !done)
    log().error("journal: sync failed: {}", done.error().text);
}

void JournalThread::report_damage() {
  for (const auto& line : journal_->take_damage())
    log().error("journal: damaged: {}; what it held is lost, `sluice journal check` says more",
                line);
}

void JournalThread::read_again() {
  if (!again_at_ || std::chrono::steady_clock::now() < *again_at_) return;
  again_at_.reset();
  for (const auto& load : std::exchange(again_, {})) perform(load);
}

std::optional<std::chrono::steady_clock::time_point> JournalThread::next_due() const {
  std::optional<std::chrono::steady_clock::time_point> next;
  for (const auto& due : {sync_at_, again_at_, disk_at_})
    if (due) next = std::min(*due, next.value_or(*due));
  return next;
}

void JournalThread::perform(Commit& commit) {
  sync_if_due();  // however busy it is
  const auto begun = std::chrono::steady_clock::now();
  auto result = journal_->commit(commit.writes);
  const auto took = std::chrono::steady_clock::now() - begun;
  note_unsynced();
  report_disk();
  // The writes go back with the answer: their messages are freed on the core thread.
  boost::asio::post(core_,
                    [this, took, writes = std::move(commit.writes), result = std::move(result)] {
                      note_commit(result.has_value(), took);
                      events_.on_committed(result);
                    });
}

void JournalThread::note_commit(bool written, std::chrono::steady_clock::duration took) {
  if (written)
    commit_times_.note(took);
  else
    ++failed_commits_;
}

// Damage is told, and the messages it took are left out: the queue counts them as lost. Whatever
// else keeps a read from being done passes, so it is tried again: losing messages over it, or
// opening the journal again for everybody, would be worse than a queue that waits.
void JournalThread::perform(const dispatch::Load& load) {
  auto found = journal_->read(load.queue, load.from, load.end, load.max_messages, load.max_bytes);
  report_damage();
  if (!found && !journal_->poisoned()) {
    log().error("journal: {}; trying again", found.error().text);
    again_.push_back(load);
    again_at_ = std::chrono::steady_clock::now() + kReadAgain;
    return;
  }
  boost::asio::post(core_, [this, load, found = std::move(found)]() mutable {
    events_.on_read(load, std::move(found));
  });
}

void JournalThread::perform(const Peek& peek) {
  const dispatch::Load& load = peek.load;
  auto found = journal_->read(load.queue, load.from, load.end, load.max_messages, load.max_bytes);
  report_damage();
  boost::asio::post(core_, [this, number = peek.number, found = std::move(found)]() mutable {
    events_.on_peeked(number, std::move(found));
  });
}

void JournalThread::perform(const PutSession& session) {
  if (const auto done = journal_->put_session(session.client_id, session.record); !done) {
    log().error("journal: the session of {} is not kept: {}", session.client_id, done.error().text);
  }
  boost::asio::post(core_, [this] { events_.on_session_put(); });
}

// Told when it changes. What is low is looked at each second, busy or not; what isn't, with
// commits: nobody else asks for room.
void JournalThread::report_disk() {
  if (!journal_ || journal_->poisoned()) return;
  const bool was_low = disk_at_.has_value();
  const storage::DiskRoom room = journal_->look_at_disk();
  disk_at_.reset();
  if (room.low) disk_at_ = std::chrono::steady_clock::now() + kLookAtDisk;
  if (room.low == was_low) return;
  std::string why;
  if (room.low)
    why = "the disk is nearly full: " + std::to_string(room.free_bytes >> 20) +
          " MiB are free, the reserve is " + std::to_string(room.reserve_bytes >> 20) + " MiB";
  boost::asio::post(core_, [this, why = std::move(why)] { events_.on_disk_low(why); });
}

void JournalThread::perform(const Backup& backup) {
  if (!journal_) return;  // it is being given up with the journal
  if (const auto begun = journal_->begin_backup(backup.directory); !begun) {
    boost::asio::post(core_, [this, why = begun.error().text] {
      events_.on_backup({0, 0, false, why});
    });
    return;
  }
  backup_told_ = 0;
  boost::asio::post(core_, [this] { events_.on_backup({}); });
}

void JournalThread::report_backup() {
  if (!backup_told_) return;
  const auto progress = journal_->backup();
  if (progress->running && progress->copied_bytes < *backup_told_ + kTellBackupBytes) return;
  backup_told_ = progress->copied_bytes;
  if (!progress->running) backup_told_.reset();
  boost::asio::post(
      core_, [this, progress = *progress]() mutable { events_.on_backup(std::move(progress)); });
}

void JournalThread::perform(Reopen) {
  journal_.reset();
  backup_told_.reset();
  sync_at_.reset();
  again_at_.reset();
  again_.clear();
  while (
      sleep_unless_ending(std::chrono::seconds(1))) {  // a full disk or a damage stays for a while
    auto opened = storage::Journal::open(options_);
    if (opened) {
      journal_ = std::move(*opened);
      report_damage();
      report_disk();
      boost::asio::post(core_, [this, states = journal_->states()]() mutable {
        events_.on_reopened(std::move(states));
      });
      return;
    }
    boost::asio::post(core_, [this, why = opened.error().text] { events_.on_reopen_failed(why); });
  }
}

bool JournalThread::sleep_unless_ending(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return ending_; });
}

}  // namespace proxy
