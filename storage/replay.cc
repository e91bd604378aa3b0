#include "storage/replay.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "storage/database.h"
#include "storage/record.h"

namespace storage {
namespace {

using dispatch::Append;
using dispatch::Attempt;
using dispatch::Settle;

class Replay {
 public:
  Replay(Recovered& to, const CoveredPerQueue& covered) : to_(to), covered_(covered) {}

  Result<void> run() {
    if (auto there = check_anchor(); !there) return there;
    to_.fold.log_bytes = to_.covered_bytes = covered_bytes();
    const std::unique_ptr<leveldb::Iterator> it(to_.log->NewIterator(uncached()));
    for (it->Seek(log_key(to_.head.covered + 1)); it->Valid(); it->Next())
      if (auto done = take(to_view(it->key()), to_view(it->value())); !done) return done;
    const bool gap_explains = it->status().IsCorruption() && lossy_;
    return it->status().ok() || gap_explains ? Result<void>() : to_error(it->status());
  }

 private:
  // The newest commit that the checkpoint covers always stays in the log. If it is not there, the
  // two databases don't belong together.
  Result<void> check_anchor() {
    if (to_.head.covered == 0) return {};
    std::string value;
    const auto status = to_.log->Get(uncached(), log_key(to_.head.covered), &value);
    if (status.ok()) return {};
    if (!status.IsNotFound()) return to_error(status);
    return unavailable("log/ lost commit " + std::to_string(to_.head.covered) +
                       " that state/ covers: restore a backup of both");
  }

  std::uint64_t covered_bytes() const {
    const std::string first = log_key(to_.head.removed_below);
    const std::string end = log_key(to_.head.covered + 1);
    const leveldb::Range range(first, end);
    std::uint64_t bytes = 0;
    to_.log->GetApproximateSizes(&range, 1, &bytes);
    return bytes;
  }

  Result<void> take(std::string_view key, std::string_view value) {
    const auto commit = commit_of(key);
    if (!commit) return unavailable("log/ holds a key that is not a commit: it is damaged");
    while (to_.fold.last_commit + 1 < *commit) leave_out_missing(to_.fold.last_commit + 1);
    auto writes = decode_block(*commit, value, Messages::without);
    if (!writes) {
      leave_out(*commit, writes.error().text, value.size());
      return {};
    }
    for (const Write& write : *writes)
      if (auto done = apply(*commit, write); !done) return done;
    to_.fold.close(*commit, value.size());
    return {};
  }

  void leave_out_missing(CommitNumber commit) {
    leave_out(commit, "commit " + std::to_string(commit) + " is missing", 0);
  }

  void leave_out(CommitNumber commit, std::string why, std::uint64_t bytes) {
    if (!lossy_) first_lost_ = commit;
    lossy_ = true;
    to_.damage.push_back(std::move(why));
    to_.fold.close(commit, bytes);
  }

  Result<void> apply(CommitNumber commit, const Write& write) {
    if (already_covered(queue_of(write), commit)) {
      keep_id_used(write);
      return {};
    }
    if (lossy_ && !bridge(write)) return {};
    auto done = to_.fold.apply(commit, write);
    if (done) return done;
    std::string text = "commit " + std::to_string(commit) + " does not fit the ones before: ";
    text += done.error().text;
    if (lossy_)
      text += " (commit " + std::to_string(first_lost_) + " is damaged; restore a backup)";
    return unavailable(std::move(text));
  }

  // Makes room for a write whose predecessors are lost. False: it means nothing without them.
  bool bridge(const Write& write) {
    const auto found = to_.fold.states.queues.find(queue_of(write));
    if (found == to_.fold.states.queues.end()) return true;
    dispatch::QueueState& queue = found->second;
    if (const auto* append = std::get_if<Append>(&write))
      queue.next = std::max(queue.next, append->offset);
    if (const auto* settle = std::get_if<Settle>(&write))
      queue.next = std::max(queue.next, dispatch::next(settle->last));
    const auto* attempt = std::get_if<Attempt>(&write);
    if (attempt == nullptr) return true;
    queue.next = std::max(queue.next, dispatch::next(attempt->offset));
    const auto group = queue.groups.find(attempt->group);
    return group == queue.groups.end() || !group->second.settled.contains(attempt->offset);
  }

  // A definition that is left out has used its id all the same.
  void keep_id_used(const Write& write) {
    const bool defines = std::holds_alternative<dispatch::DefineQueue>(write) ||
                         std::holds_alternative<dispatch::DefineMailbox>(write);
    QueueId& next = to_.fold.states.next_id;
    if (defines && queue_of(write) >= next) next = dispatch::next(queue_of(write));
  }

  bool already_covered(QueueId queue, CommitNumber commit) const {
    const auto found = covered_.find(queue);
    return found != covered_.end() && commit <= found->second;
  }

  Recovered& to_;
  const CoveredPerQueue& covered_;
  bool lossy_ = false;  // a commit was left out
  CommitNumber first_lost_ = 0;
};

}  // namespace

Result<void> replay(Recovered& to, const CoveredPerQueue& covered) {
  return Replay(to, covered).run();
}

}  // namespace storage
