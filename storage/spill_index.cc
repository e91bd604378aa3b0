#include "storage/spill_index.h"

#include <algorithm>
#include <utility>

#include "dispatch/invariant.h"
#include "storage/coding.h"

namespace storage {
namespace {

bool is_gone(const dispatch::QueueState& queue, const SpilledBlock& block) {
  return queue.gone.next_missing(block.first) >= block.end();
}

}  // namespace

void SpilledBlocks::add(const SpilledBlock& block) {
  INVARIANT(block.first >= end_, "a block of messages moved out of the log is out of order");
  blocks_.push_back(block);
  end_ = block.end();
}

std::span<const SpilledBlock> SpilledBlocks::from(Offset offset) const {
  const auto first = std::ranges::upper_bound(blocks_, offset, {}, &SpilledBlock::end);
  return all().subspan(static_cast<std::size_t>(first - blocks_.begin()));
}

std::uint64_t SpilledBlocks::bytes_gone_in_front(const dispatch::QueueState& queue) const {
  std::uint64_t bytes = 0;
  for (const SpilledBlock& block : blocks_) {
    if (block.end() > queue.first_kept()) break;
    bytes += block.bytes;
  }
  return bytes;
}

std::vector<SpilledBlock> SpilledBlocks::take_gone(const dispatch::QueueState& queue,
                                                   std::size_t at_most) {
  std::vector<SpilledBlock> taken;
  std::erase_if(blocks_, [&](const SpilledBlock& block) {
    if (taken.size() == at_most || !is_gone(queue, block)) return false;
    taken.push_back(block);
    return true;
  });
  return taken;
}

std::vector<SpilledBlock> SpilledBlocks::take_any(std::size_t at_most) {
  const std::size_t rest = blocks_.size() - std::min(at_most, blocks_.size());
  const auto from = blocks_.begin() + static_cast<std::ptrdiff_t>(rest);
  std::vector<SpilledBlock> taken(from, blocks_.end());
  blocks_.erase(from, blocks_.end());
  return taken;
}

void encode_spilled(std::string& out, QueueId queue, const SpilledBlocks& blocks) {
  begin_envelope(out);
  put_varint(out, blocks.end().value);
  put_varint(out, blocks.all().size());
  std::uint64_t at = 0;
  for (const SpilledBlock& block : blocks.all()) {
    put_varint(out, block.first.value - at);
    put_varint(out, block.count);
    put_varint(out, block.bytes);
    at = block.end().value;
  }
  seal_envelope(out, spill_index_key(queue));
}

Result<SpilledBlocks> decode_spilled(QueueId queue, std::string_view value) {
  const std::string name = "the index of blocks of queue " + std::to_string(queue.value);
  const auto body = open_envelope(spill_index_key(queue), value);
  if (!body) return unavailable(name + " is damaged: " + body.error().text);
  Reader reader(*body);
  const Offset end{reader.varint()};
  const std::uint64_t count = reader.count();
  std::vector<SpilledBlock> blocks;
  blocks.reserve(count / 3);  // one takes three bytes at least
  Offset at;
  for (std::uint64_t i = 0; i < count && !reader.failed(); ++i) {
    SpilledBlock block{Offset{at.value + reader.varint()}, reader.varint32(), reader.varint32()};
    if (block.count == 0 || block.end() <= at || block.end() > end) reader.fail();
    at = block.end();
    blocks.push_back(block);
  }
  if (!reader.done()) return unavailable(name + " is damaged: wrong length");
  return SpilledBlocks(std::move(blocks), end);
}

}  // namespace storage
