#include "storage/spill.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "storage/checkpoint.h"
#include "storage/database.h"

namespace storage {
namespace {

constexpr std::size_t kBlockBytes = 256 * 1024;
constexpr std::uint64_t kBlockOffsets = 1u << 31;
constexpr std::uint64_t kReadPerMoved = 4;      // a slice reads so much more than it moves, at most
constexpr std::uint64_t kBytesPerMessage = 40;  // in the log, besides what it counts for

}  // namespace

Spiller::Spiller(leveldb::DB& log, leveldb::DB& state, Fold& fold, LogReader& reader,
                 const SpillLimits& limits)
    : log_(log), state_(state), fold_(fold), reader_(reader), limits_(limits) {}

Offset Spiller::spilled_end(QueueId queue) const {
  const auto blocks = fold_.spilled.find(queue);
  return blocks == fold_.spilled.end() ? Offset{} : blocks->second.end();
}

void Spiller::look(const Reclaimer& reclaimer) {
  const CommitNumber end = fold_.last_commit + 1;
  if (reclaimer.bytes_below(end) <= limits_.window_bytes) return;
  if (fold_.log_bytes - looked_at_ < limits_.window_bytes / 8) return;
  looked_at_ = fold_.log_bytes;
  const CommitNumber lowest = lowest_needed(fold_);
  const std::uint64_t below = reclaimer.bytes_below(lowest);
  const std::uint64_t in_use = reclaimer.bytes_below(end) - below;
  if (in_use <= limits_.window_bytes + 2 * kept_in_log()) return;
  // A little into the window, so that it doesn't come back for every megabyte.
  const std::uint64_t clear = in_use - limits_.window_bytes / 4 * 3;
  plan(
      std::max(reclaimer.commit_after(below + std::min(clear, limits_.stretch_bytes)), lowest + 1));
}

std::uint64_t Spiller::kept_in_log() const {
  std::uint64_t bytes = 0;
  for (const auto& [id, runs] : fold_.runs) {
    const dispatch::QueueState& queue = fold_.states.queues.at(id);
    const std::uint64_t kept = queue.kept();
    if (kept == 0) continue;
    const std::uint64_t here = kept - queue.gone.missing_below(spilled_end(id));
    const double part = static_cast<double>(here) / static_cast<double>(kept);
    bytes += static_cast<std::uint64_t>(part * static_cast<double>(queue.kept_bytes)) +
             here * kBytesPerMessage;
  }
  return bytes;
}

// Finds the commits that hold something kept; the others need not be read.
void Spiller::plan(CommitNumber target) {
  std::vector<Range> found;
  for (const auto& [id, runs] : fold_.runs) {
    const dispatch::QueueState& queue = fold_.states.queues.at(id);
    for (const Run& run : runs.all()) {
      if (run.commit >= target) break;
      if (queue.gone.next_missing(run.first) < run.end())
        found.push_back({run.commit, std::min(run.commit + run.commits, target)});
    }
  }
  std::ranges::sort(found, {}, &Range::begin);
  ranges_.clear();
  for (const Range& range : found) {
    if (!ranges_.empty() && range.begin <= ranges_.back().end)
      ranges_.back().end = std::max(ranges_.back().end, range.end);
    else
      ranges_.push_back(range);
  }
  range_ = 0;
  records_done_ = 0;
  target_ = target;
  running_ = true;
}

Result<void> Spiller::slice() {
  moved_.clear();
  batch_.Clear();
  slice_bytes_ = 0;
  const auto read = read_some();
  if (auto done = write(); !done) return done;
  if (!read)
    running_ = false;
  else if (range_ == ranges_.size())
    finish();
  return {};
}

Result<void> Spiller::read_some() {
  // An index is written whole, each time; it must not be what most of the writing is for.
  const std::uint64_t most = std::max(limits_.slice_bytes, 4 * largest_index_);
  for (std::uint64_t read = 0; read < kReadPerMoved * most && slice_bytes_ < most;) {
    if (range_ == ranges_.size()) break;
    if (auto done = read_commit(); !done) return done;
    read += block_.size();
  }
  return {};
}

Result<void> Spiller::read_commit() {
  Range& range = ranges_[range_];
  std::string damage;
  auto reader = load_block(log_, range.begin, block_, damage);
  if (!reader) return reader.error();
  if (!*reader) reader_.note_damage(range.begin, damage);
  std::uint64_t records = 0;
  while (*reader && (*reader)->left() > 0) {
    if (slice_bytes_ >= limits_.slice_bytes && records >= records_done_) {
      records_done_ = records;  // a large commit: the rest is for the next slice
      return {};
    }
    const auto record = (*reader)->next();
    if (!record) {
      reader_.note_damage(range.begin, record.error().text);
      break;
    }
    const auto* append = std::get_if<AppendRecord>(&*record);
    if (++records > records_done_ && append != nullptr) take(*append, (*reader)->time());
  }
  records_done_ = 0;
  if (++range.begin == range.end) ++range_;
  return {};
}

void Spiller::take(const AppendRecord& append, dispatch::Time time) {
  const auto queue = fold_.states.queues.find(append.queue);
  if (queue == fold_.states.queues.end() || append.offset < spilled_end(append.queue)) return;
  Moved& moved = moved_[append.queue];
  moved.end = dispatch::next(append.offset);
  if (!queue->second.keeps(append.offset)) return;
  const bool full = moved.builder.bytes() >= kBlockBytes ||
                    append.offset.value - moved.builder.first().value >= kBlockOffsets;
  if (!moved.builder.empty() && full) finish_block(append.queue, moved);
  moved.builder.add(append.offset, time, append.message);
  slice_bytes_ += append.message.size();
  ++moved_messages_;
}

void Spiller::finish_block(QueueId queue, Moved& moved) {
  const SpilledBlock block = moved.builder.finish(value_, queue);
  batch_.Put(spill_block_key(queue, block.first), value_);
  moved.blocks.push_back(block);
  moved_bytes_ += block.bytes;
}

// The blocks and the indexes that name them, at once.
Result<void> Spiller::write() {
  bool anything = false;
  for (auto& [queue, moved] : moved_) {
    if (!moved.builder.empty()) finish_block(queue, moved);
    if (moved.blocks.empty()) continue;
    anything = true;
    SpilledBlocks& index = fold_.spilled[queue];
    for (const SpilledBlock& block : moved.blocks) index.add(block);
    encode_spilled(value_, queue, index);
    batch_.Put(spill_index_key(queue), value_);
    largest_index_ = std::max<std::uint64_t>(largest_index_, value_.size());
    fold_.changed.insert(queue);  // its runs are other ones
  }
  if (anything)
    if (const auto status = state_.Write(synced(), &batch_); !status.ok()) return to_error(status);
  const CommitNumber from = range_ == ranges_.size() ? target_ : ranges_[range_].begin;
  for (auto& [queue, moved] : moved_)
    if (const auto runs = fold_.runs.find(queue); runs != fold_.runs.end())
      runs->second.begin_at(from, moved.end);
  return {};
}

// What is left below the target is gone, or was in a commit that is damaged.
void Spiller::finish() {
  running_ = false;
  looked_at_ = 0;  // look again: there may be more
  ranges_ = {};
  for (auto entry = fold_.runs.begin(); entry != fold_.runs.end();) {
    entry->second.begin_at(target_, Offset{});
    entry = entry->second.empty() ? fold_.runs.erase(entry) : std::next(entry);
  }
}

}  // namespace storage
