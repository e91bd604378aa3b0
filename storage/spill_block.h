#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dispatch/time.h"
#include "storage/coding.h"
#include "storage/envelope.h"
#include "storage/key.h"
#include "storage/spill_index.h"

// A block of messages of one queue that stay long, moved out of the log (docs/journal_format.md).
// They are copied as the log had them, byte for byte, each with the time of its commit.

namespace storage {

// Puts one block together.
class SpillBlockBuilder {
 public:
  bool empty() const { return count_ == 0; }
  std::size_t bytes() const { return messages_.size(); }
  Offset first() const { return first_; }
  // `message` as put_message() wrote it, without its length; `time` of its commit. In order of
  // offsets.
  void add(Offset offset, dispatch::Time time, std::string_view message);
  // Fills `out` with an envelope bound to spill_block_key(queue, first offset), says what is in it,
  // and begins anew. Needs !empty().
  SpilledBlock finish(std::string& out, QueueId queue);

 private:
  Offset first_;
  Offset next_;
  dispatch::Time time_{};
  std::uint64_t count_ = 0;
  std::string messages_;
};

// A message as it lies in a block; decode_message() makes the message of it.
struct SpilledMessage {
  Offset offset;
  dispatch::Time time{};
  std::string_view message;
};

// Walks through the messages of a block, which must outlive it.
class SpillBlockReader {
 public:
  // Verifies the checksum and reads the head.
  static Result<SpillBlockReader> open(QueueId queue, Offset first, std::string_view block);

  std::uint64_t left() const { return left_; }
  // Needs left() > 0. An error: it is not a block of ours, although its checksum is right.
  Result<SpilledMessage> next();

 private:
  SpillBlockReader(QueueId queue, Offset first, std::string_view body)
      : queue_(queue), first_(first), next_(first), reader_(body) {}
  Error damage(std::string_view what) const;

  QueueId queue_;
  Offset first_;
  Offset next_;
  dispatch::Time time_{};
  std::uint64_t left_ = 0;
  Reader reader_;
};

// "block 17 of queue 3": how reports call it.
std::string spill_block_name(QueueId queue, Offset first);

}  // namespace storage
