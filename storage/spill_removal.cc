#include "storage/spill_removal.h"

#include <algorithm>

#include "storage/database.h"

namespace storage {
namespace {

constexpr std::size_t kKeysPerSlice = 4096;
constexpr std::uint64_t kWorthCompacting = 8u << 20;

}  // namespace

SpillRemoval::SpillRemoval(leveldb::DB& state, Fold& fold, std::uint64_t compact_bytes)
    : state_(state), fold_(fold), compact_bytes_(compact_bytes), compact_at_(compact_bytes) {}

void SpillRemoval::look(std::uint64_t enough) {
  if (!todo_.empty()) return;
  std::uint64_t bytes = 0;
  for (const auto& [queue, blocks] : fold_.spilled) {
    if (!blocks.touched || blocks.all().empty()) continue;
    todo_.push_back(queue);
    bytes += blocks.bytes_gone_in_front(fold_.states.queues.at(queue));
  }
  if (bytes < enough) todo_.clear();
}

Result<bool> SpillRemoval::slice() {
  batch_.Clear();
  std::size_t keys = remove_orphans(kKeysPerSlice);
  if (keys < kKeysPerSlice) keys += remove_gone(kKeysPerSlice - keys);
  if (keys == 0) return compact();
  if (const auto status = state_.Write(synced(), &batch_); !status.ok()) return to_error(status);
  return true;
}

std::size_t SpillRemoval::remove_orphans(std::size_t at_most) {
  std::size_t keys = 0;
  while (!fold_.orphans.empty() && keys < at_most) {
    const auto orphan = fold_.orphans.begin();
    const auto taken = orphan->second.take_any(at_most - keys);
    remove(orphan->first, taken);
    keys += taken.size() + 1;
    if (!orphan->second.all().empty()) {
      put_index(orphan->first, orphan->second);
      break;
    }
    batch_.Delete(spill_index_key(orphan->first));
    fold_.orphans.erase(orphan);
  }
  return keys;
}

std::size_t SpillRemoval::remove_gone(std::size_t at_most) {
  std::size_t keys = 0;
  while (!todo_.empty() && keys < at_most) {
    const QueueId queue = todo_.back();
    const auto blocks = fold_.spilled.find(queue);
    const std::size_t most = at_most - keys;
    if (blocks == fold_.spilled.end()) {  // the queue was deleted meanwhile
      todo_.pop_back();
      continue;
    }
    const auto taken = blocks->second.take_gone(fold_.states.queues.at(queue), most);
    if (!taken.empty()) {
      remove(queue, taken);
      put_index(queue, blocks->second);
      keys += taken.size() + 1;
    }
    if (taken.size() == most) break;
    blocks->second.touched = false;
    todo_.pop_back();
  }
  return keys;
}

void SpillRemoval::remove(QueueId queue, const std::vector<SpilledBlock>& taken) {
  if (taken.empty()) return;
  const auto [entry, is_new] = removed_.try_emplace(queue, Removed{taken.front().first, {}, 0});
  Removed& removed = entry->second;
  removed.first = std::min(removed.first, taken.front().first);
  removed.last = std::max(removed.last, taken.back().first);
  for (const SpilledBlock& block : taken) {
    batch_.Delete(spill_block_key(queue, block.first));
    removed.bytes += block.bytes;
    removed_bytes_ += block.bytes;
  }
}

void SpillRemoval::put_index(QueueId queue, const SpilledBlocks& blocks) {
  encode_spilled(value_, queue, blocks);
  batch_.Put(spill_index_key(queue), value_);
}

// A compaction rewrites what is kept among what is removed, so it must be worth it: at least half
// of what it looks at is to go. All blocks at once, or else the queue with most to gain.
bool SpillRemoval::compact() {
  if (removed_bytes_ < compact_at_) return false;
  compact_at_ = removed_bytes_ + compact_bytes_;
  const std::string begin = spill_block_key(QueueId{}, Offset{});
  const std::string end = spill_block_key(QueueId{~0u}, Offset{~0ull});
  if (2 * removed_bytes_ >= size_of(begin, end)) {
    compact(begin, end);
    removed_.clear();
    removed_bytes_ = 0;
    compact_at_ = compact_bytes_;
    return true;
  }
  const auto most =
      std::ranges::max_element(removed_, {}, [](const auto& entry) { return entry.second.bytes; });
  const auto& [queue, removed] = *most;
  const std::string from = spill_block_key(queue, removed.first);
  const std::string to = spill_block_key(queue, removed.last);
  if (removed.bytes < kWorthCompacting || 2 * removed.bytes < size_of(from, to)) return false;
  compact(from, to);
  removed_bytes_ -= removed.bytes;
  compact_at_ = compact_bytes_;
  removed_.erase(most);
  return true;
}

// Twice, as in reclaim.cc.
void SpillRemoval::compact(const std::string& from, const std::string& to) {
  const leveldb::Slice begin = from, end = to;
  state_.CompactRange(&begin, &end);
  state_.CompactRange(&begin, &end);
}

std::uint64_t SpillRemoval::size_of(const std::string& from, const std::string& to) const {
  const leveldb::Range range(from, to);
  std::uint64_t bytes = 0;
  state_.GetApproximateSizes(&range, 1, &bytes);
  return bytes;
}

}  // namespace storage
