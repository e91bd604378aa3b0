#include "storage/reclaim.h"

#include <algorithm>
#include <iterator>

#include "leveldb/write_batch.h"
#include "storage/database.h"

namespace storage {
namespace {

constexpr std::uint64_t kMarkBytes = 1u << 20;
constexpr std::uint64_t kKeysPerSlice = 4096;

}  // namespace

void LogMap::note(CommitNumber commit, std::uint64_t position) {
  // The last mark is where the newest commit is; the ones before are a megabyte apart.
  const std::size_t size = marks_.size();
  if (size >= 2 && marks_[size - 1].position - marks_[size - 2].position < kMarkBytes)
    marks_.pop_back();
  marks_.push_back({commit, position});
}

std::uint64_t LogMap::position_of(CommitNumber commit) const {
  const auto after = std::ranges::upper_bound(marks_, commit, {}, &Mark::commit);
  if (after == marks_.begin()) return marks_.empty() ? 0 : marks_.front().position;
  const Mark& before = *std::prev(after);
  if (after == marks_.end()) return before.position;
  const double part = static_cast<double>(commit - before.commit) /
                      static_cast<double>(after->commit - before.commit);
  return before.position +
         static_cast<std::uint64_t>(part * static_cast<double>(after->position - before.position));
}

CommitNumber LogMap::commit_at(std::uint64_t position) const {
  const auto after = std::ranges::lower_bound(marks_, position, {}, &Mark::position);
  if (after == marks_.end()) return marks_.empty() ? 0 : marks_.back().commit + 1;
  if (after == marks_.begin()) return after->commit;
  const Mark& before = *std::prev(after);
  const double part = static_cast<double>(position - before.position) /
                      static_cast<double>(after->position - before.position);
  return before.commit +
         static_cast<CommitNumber>(part * static_cast<double>(after->commit - before.commit));
}

void LogMap::forget_below(CommitNumber commit) {
  while (marks_.size() >= 2 && marks_[1].commit <= commit) marks_.pop_front();
}

Reclaimer::Reclaimer(leveldb::DB& log, CommitNumber removed_below)
    : log_(log), removed_below_(removed_below) {}

std::uint64_t Reclaimer::bytes_below(CommitNumber commit) const {
  if (commit <= removed_below_) return 0;
  return map_.position_of(commit) - map_.position_of(removed_below_);
}

CommitNumber Reclaimer::commit_after(std::uint64_t bytes) const {
  return map_.commit_at(map_.position_of(removed_below_) + bytes);
}

Result<bool> Reclaimer::slice(CommitNumber kept_from, std::uint64_t compact_bytes) {
  if (removed_below_ < kept_from) {
    if (auto done = remove_some(kept_from); !done) return done.error();
    return true;
  }
  if (removed_bytes_ < compact_bytes) return false;
  compact();
  return true;
}

Result<void> Reclaimer::remove_some(CommitNumber kept_from) {
  const CommitNumber end = std::min(kept_from, removed_below_ + kKeysPerSlice);
  leveldb::WriteBatch batch;
  for (CommitNumber commit = removed_below_; commit < end; ++commit) batch.Delete(log_key(commit));
  if (const auto status = log_.Write(synced(), &batch); !status.ok()) return to_error(status);
  removed_bytes_ += bytes_below(end);
  removed_below_ = end;
  map_.forget_below(end);
  return {};
}

// From the start, so that what an earlier compaction left is seen to as well: there is nothing else
// there. LevelDB decides which levels it must look at before it writes out what is in memory, so
// the first call does that and the second the work. What goes wrong shows at the next write.
void Reclaimer::compact() {
  const std::string last = log_key(removed_below_ - 1);
  const leveldb::Slice to = last;
  log_.CompactRange(nullptr, &to);
  log_.CompactRange(nullptr, &to);
  removed_bytes_ = 0;
}

}  // namespace storage
