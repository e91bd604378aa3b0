#include "storage/run_index.h"

#include <algorithm>

namespace storage {
namespace {

// How far a run may reach: what a read in its middle has to look through at most.
constexpr std::uint64_t kMaxRunBytes = 64 * 1024;
constexpr std::uint32_t kMaxRunCommits = 64;

bool is_gone(const dispatch::QueueState& queue, const Run& run) {
  return queue.gone.next_missing(run.first) >= run.end();
}

}  // namespace

void QueueRuns::add(Offset offset, CommitNumber commit, std::uint64_t log_position) {
  if (last_is_open_ && !empty()) {
    Run& last = runs_.back();
    const std::uint64_t commits = commit - last.commit + 1;
    const bool in_reach =
        commits == 1 || (commits <= kMaxRunCommits && log_position - last_start_ < kMaxRunBytes);
    if (in_reach && last.end() == offset) {
      ++last.count;
      last.commits = static_cast<std::uint32_t>(commits);
      return;
    }
  }
  runs_.push_back({commit, offset, 1, 1});
  last_start_ = log_position;
  last_is_open_ = true;
}

void QueueRuns::drop_below(Offset needed) {
  while (!empty() && runs_[head_].end() <= needed) ++head_;
  tidy();
}

void QueueRuns::begin_at(CommitNumber commit, Offset end) {
  const auto lies_below = [&](const Run& run) {
    return run.commit + run.commits <= commit || run.end() <= end;
  };
  while (!empty() && lies_below(runs_[head_])) ++head_;
  if (!empty()) {
    Run& run = runs_[head_];
    if (run.commit < commit) {
      run.commits -= static_cast<std::uint32_t>(commit - run.commit);
      run.commit = commit;
    }
    if (run.first < end) {
      run.count -= static_cast<std::uint32_t>(end.value - run.first.value);
      run.first = end;
    }
  }
  tidy();
}

// Gives the memory of what was dropped in front back.
void QueueRuns::tidy() {
  if (head_ < 64 && !empty()) return;
  if (head_ * 2 < runs_.size()) return;  // moving the rest costs less than what was dropped
  runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(head_));
  head_ = 0;
  if (runs_.capacity() > runs_.size() * 4) runs_.shrink_to_fit();
}

void QueueRuns::drop_gone(const dispatch::QueueState& queue) {
  drop_below(queue.first_kept());
  const auto kept = runs_.begin() + static_cast<std::ptrdiff_t>(head_);
  runs_.erase(
      std::remove_if(kept, runs_.end(), [&](const Run& run) { return is_gone(queue, run); }),
      runs_.end());
}

std::span<const Run> QueueRuns::from(Offset offset) const {
  const auto runs = all();
  const auto first = std::ranges::upper_bound(runs, offset, {}, &Run::end);
  return runs.subspan(static_cast<std::size_t>(first - runs.begin()));
}

}  // namespace storage
