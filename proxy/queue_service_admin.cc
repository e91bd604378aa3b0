// What administration asks of the queue service: definitions, commands that end or move many
// messages, and looking.

#include <algorithm>
#include <utility>

#include "proxy/queue_service.h"

namespace proxy {
namespace {

using dispatch::Offset;
using dispatch::RequestId;
using dispatch::Result;

// Of messages that one look may hold in memory.
constexpr std::uint64_t kBrowseBytes = 8u << 20;

std::uint64_t settled_in(const dispatch::QueueStats& stats, bool dead) {
  return dead ? stats.dead : stats.ended_as(dispatch::End::purged);
}

}  // namespace

// --- Commands ---

void QueueService::command(Done&& done, const Event& event) {
  if (!failure_.empty()) {
    done(dispatch::Error{dispatch::ErrorKind::unavailable, failure_});
    return;
  }
  if (++last_command_ == 0) ++last_command_;  // request 0 would be nobody's
  const RequestId request{last_command_};     // of session 0
  auto step = event(request);
  if (!step) {
    done(step.error());
    return;
  }
  commands_.insert_or_assign(request, std::move(done));
  take(std::move(*step));
}

void QueueService::fail_commands(const dispatch::Error& error) {
  for (auto& [request, done] : std::exchange(commands_, {})) done(error);
}

void QueueService::begin_backup(const std::string& directory, Done done) {
  if (!failure_.empty()) return done(dispatch::Error{dispatch::ErrorKind::unavailable, failure_});
  if (backup_begun_ || (backup_ && backup_->progress.running))
    return done(dispatch::Error{dispatch::ErrorKind::exists, "a backup is under way already"});
  backup_asked_ = directory;
  backup_begun_ = std::move(done);
  journal_.backup(directory);
}

void QueueService::on_backup(storage::BackupProgress&& progress) {
  if (!failure_.empty()) return;  // it went with the journal
  const Done begun = std::exchange(backup_begun_, {});
  if (begun && !progress.running)
    return begun(dispatch::Error{dispatch::ErrorKind::exists, progress.failure});
  if (begun) backup_ = BackupState{backup_asked_, {}};
  backup_->progress = std::move(progress);
  if (begun) begun({});
}

void QueueService::fail_backup(const dispatch::Error& error) {
  if (backup_ && backup_->progress.running) {
    backup_->progress.running = false;
    backup_->progress.failure = error.text;
  }
  if (const Done begun = std::exchange(backup_begun_, {})) begun(error);
}

void QueueService::create(const dispatch::QueueOptions& options, Done done) {
  command(std::move(done), [&](RequestId request) {
    return queues_.create(request, options, now(), may_consume());
  });
}

void QueueService::update(const dispatch::QueueOptions& options, Done done) {
  command(std::move(done),
          [&](RequestId request) { return queues_.update(request, options, now()); });
}

void QueueService::remove(std::string_view name, Done done) {
  command(std::move(done),
          [&](RequestId request) { return queues_.remove(request, name, now(), may_consume()); });
}

// The core's numbers change with the step itself, so they tell how many it were.
void QueueService::purge(std::string_view name, bool dead, Counted counted) {
  auto count = std::make_shared<std::uint64_t>(0);
  const Done done = [count, counted = std::move(counted)](const Result<void>& result) {
    if (result)
      counted(*count);
    else
      counted(result.error());
  };
  command(Done(done), [&](RequestId request) {
    const auto before = stats(name);
    auto step =
        dead ? queues_.purge_dead(request, name, now()) : queues_.purge(request, name, now());
    const auto after = stats(name);
    if (before && after) {
      const std::uint64_t was = settled_in(*before, dead);
      const std::uint64_t is = settled_in(*after, dead);
      *count = std::max(was, is) - std::min(was, is);
    }
    return step;
  });
}

void QueueService::redrive(std::string_view name, std::vector<Offset> offsets, Counted counted) {
  if (!low_disk_.empty())
    return counted(dispatch::Error{dispatch::ErrorKind::full, low_disk_});  // they are stored again
  std::ranges::sort(offsets);
  offsets.erase(std::unique(offsets.begin(), offsets.end()), offsets.end());
  for (const Offset offset : offsets) {
    const auto found = queues_.unsettled_from(name, true, offset);
    if (!found || found->from != offset) {
      counted(dispatch::Error{dispatch::ErrorKind::not_found,
                              "queue '" + std::string(name) + "' has no dead letter with offset " +
                                  std::to_string(offset.value)});
      return;
    }
  }
  const auto before = stats(name);
  struct Waiting {
    std::size_t answers;
    dispatch::Result<void> result;
  };
  const std::size_t parts = std::max<std::size_t>(offsets.size(), 1);
  auto waiting = std::make_shared<Waiting>(Waiting{parts, {}});
  const Done done = [this, waiting, name = std::string(name), counted = std::move(counted),
                     was = before ? before->redriven_total : 0](const Result<void>& result) {
    if (!result) waiting->result = result;
    if (--waiting->answers > 0) return;
    const auto after = stats(name);
    if (waiting->result)
      counted(after ? after->redriven_total - was : 0);
    else
      counted(waiting->result.error());
  };
  for (std::size_t i = 0; i < parts; ++i) {
    const auto offset = offsets.empty() ? std::nullopt : std::optional(offsets[i]);
    command(Done(done),
            [&](RequestId request) { return queues_.redrive(request, name, offset, now()); });
  }
}

// --- Looking ---

std::optional<dispatch::QueueStats> QueueService::stats(std::string_view name) const {
  return queues_.stats(name, now());
}

// One look, which may need several reads: settled messages are not read, so each read gives one
// stretch of those that are not.
struct QueueService::Browsing {
  std::string name;
  bool dead = false;
  Offset from;
  Offset end;  // of the read under way
  std::uint32_t limit = 0;
  std::uint64_t bytes = 0;
  Browsed found;
  BrowseDone done;
};

void QueueService::browse(std::string_view name, bool dead, Offset from, std::uint32_t limit,
                          BrowseDone done) {
  auto browsing = std::make_shared<Browsing>();
  browsing->name = name;
  browsing->dead = dead;
  browsing->from = from;
  browsing->limit = limit;
  browsing->done = std::move(done);
  go_on_browsing(std::move(browsing));
}

void QueueService::go_on_browsing(std::shared_ptr<Browsing> browsing) {
  if (!failure_.empty())
    return browsing->done(dispatch::Error{dispatch::ErrorKind::unavailable, failure_});
  const auto stretch = queues_.unsettled_from(browsing->name, browsing->dead, browsing->from);
  if (!stretch) return browsing->done(std::move(browsing->found));
  Browsed& found = browsing->found;
  found.queue = stretch->queue;
  if (found.messages.size() >= browsing->limit || browsing->bytes >= kBrowseBytes) {
    found.next = stretch->from;
    return browsing->done(std::move(found));
  }
  dispatch::Load load{};
  load.queue = stretch->queue;
  load.from = stretch->from;
  load.end = stretch->end;
  load.max_messages = browsing->limit - static_cast<std::uint32_t>(found.messages.size());
  load.max_bytes = kBrowseBytes - browsing->bytes;
  browsing->from = load.from;
  browsing->end = load.end;
  journal_.peek(++last_peek_, load);
  browsing_.emplace(last_peek_, std::move(browsing));
}

void QueueService::on_peeked(std::uint64_t peek,
                             Result<std::vector<dispatch::StoredMessage>>&& found) {
  if (auto search = searches_.extract(peek); !search.empty())
    return on_probed(search.mapped(), found);
  auto waiting = browsing_.extract(peek);
  if (waiting.empty()) return;
  const std::shared_ptr<Browsing> browsing = std::move(waiting.mapped());
  if (!found) return browsing->done(found.error());
  if (found->empty()) {  // not written yet, or lost: nothing more to be seen in this stretch
    browsing->from = browsing->end;
  } else {
    browsing->from = next(found->back().offset);
  }
  for (auto& message : *found) {
    browsing->bytes += message.message->size_bytes();
    browsing->found.messages.push_back(std::move(message));
  }
  go_on_browsing(browsing);
}

}  // namespace proxy
