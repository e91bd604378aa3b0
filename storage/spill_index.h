#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dispatch/queue_state.h"
#include "storage/envelope.h"
#include "storage/key.h"

// Which messages of a queue were moved out of the log, and in which blocks of the state database
// they are now (spill_block.h). They are older than all that it still has in the log. Durable as
// one record a queue, written together with the blocks it names or removes.

namespace storage {

using dispatch::Offset;
using dispatch::QueueId;

// Those of the offsets first .. first + count - 1 that were kept when it was written are in it.
struct SpilledBlock {
  Offset first;
  std::uint32_t count = 0;
  std::uint32_t bytes = 0;  // of its value

  Offset end() const { return Offset{first.value + count}; }
  friend bool operator==(const SpilledBlock&, const SpilledBlock&) = default;
};

// The blocks of one queue.
class SpilledBlocks {
 public:
  SpilledBlocks() = default;
  // In order of offsets.
  SpilledBlocks(std::vector<SpilledBlock>&& blocks, Offset end)
      : blocks_(std::move(blocks)), end_(end) {}

  // One behind all others. Needs block.first >= end().
  void add(const SpilledBlock& block);
  // What is kept of the offsets below is in blocks, and nowhere else.
  Offset end() const { return end_; }

  std::span<const SpilledBlock> all() const { return blocks_; }
  // Those that reach above `offset`, in order.
  std::span<const SpilledBlock> from(Offset offset) const;
  // How many bytes of blocks in front hold nothing that is kept.
  std::uint64_t bytes_gone_in_front(const dispatch::QueueState& queue) const;
  // Takes out blocks that hold nothing that is kept, at most so many; gives them back.
  std::vector<SpilledBlock> take_gone(const dispatch::QueueState& queue, std::size_t at_most);
  // Takes out any, at most so many: the queue is deleted.
  std::vector<SpilledBlock> take_any(std::size_t at_most);

  // Something of the queue has ended since it was last looked through.
  bool touched = false;

 private:
  std::vector<SpilledBlock> blocks_;
  Offset end_{1};
};

// By queue; one whose blocks are all gone may still be here for the sake of end().
using SpillIndex = std::unordered_map<QueueId, SpilledBlocks>;

// Fills `out` with an envelope bound to its key, spill_index_key().
void encode_spilled(std::string& out, QueueId queue, const SpilledBlocks& blocks);
Result<SpilledBlocks> decode_spilled(QueueId queue, std::string_view value);

}  // namespace storage
