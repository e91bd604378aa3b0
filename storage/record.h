#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dispatch/step.h"
#include "dispatch/time.h"
#include "storage/coding.h"
#include "storage/envelope.h"
#include "storage/key.h"

// One commit as bytes: a block with the writes of all queues, in order. The grammar is in
// docs/journal_format.md; the block is checked as a whole before anything in it is believed.

namespace storage {

using dispatch::Time;
using dispatch::Write;

// Writes the block into `out`, whose memory is used again from commit to commit. `time` is when
// it was committed; stored_at of its messages is kept relative to it.
void encode_block(std::string& out, CommitNumber commit, Time time, std::span<const Write> writes);

// An Append as it lies in a block; decode_message() (message_codec.h) makes the message of it. The
// views live as long as the block.
struct AppendRecord {
  dispatch::QueueId queue;
  dispatch::Offset offset;
  std::uint32_t bytes = 0;
  std::string_view key;
  std::string_view message;
};

using Record = std::variant<dispatch::DefineQueue, dispatch::DeleteQueue, dispatch::DefineGroup,
                            dispatch::DeleteGroup, AppendRecord, dispatch::Settle,
                            dispatch::Attempt, dispatch::DefineMailbox, dispatch::AddTotals>;

// Walks through the records of one block. The block must outlive it.
class BlockReader {
 public:
  BlockReader() : BlockReader(0, {}) {}
  // Verifies the checksum and reads the head.
  static Result<BlockReader> open(CommitNumber commit, std::string_view block);
  // The same for a block that was verified before: starts over.
  static Result<BlockReader> reopen(CommitNumber commit, std::string_view block);

  Time time() const { return time_; }
  // Records not read yet.
  std::uint64_t left() const { return left_; }
  // The next record; needs left() > 0. An error means that the block is not one of ours, although
  // its checksum is right.
  Result<Record> next();

 private:
  BlockReader(CommitNumber commit, std::string_view body) : commit_(commit), reader_(body) {}
  static Result<BlockReader> begin(CommitNumber commit, std::string_view body);
  Error damage(std::string_view what) const;

  CommitNumber commit_;
  Time time_{};
  std::uint64_t left_ = 0;
  Reader reader_;
};

// All of a block as writes again. `with_messages` false leaves Append::message empty, which is all
// that a fold needs.
enum class Messages { with, without };
Result<std::vector<Write>> decode_block(CommitNumber commit, std::string_view block,
                                        Messages messages);

// How many messages ended in each way.
void put_ends(std::string& out, const dispatch::Ends& ended);
dispatch::Ends get_ends(Reader& reader);

// The options of a queue, by name and value, so that a later version may know more of them and
// still reads what an earlier one wrote.
void put_options(std::string& out, const dispatch::QueueOptions& options);
Result<dispatch::QueueOptions> get_options(Reader& reader);

}  // namespace storage
