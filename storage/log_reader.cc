#include "storage/log_reader.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "storage/database.h"
#include "storage/message_codec.h"

namespace storage {

using dispatch::MessageRef;

namespace {

constexpr std::uint64_t kMaxCachedBytes = 8u << 20;  // one block may be larger and is kept alone
constexpr std::size_t kMaxCachedBlocks = 64;         // as many as a run has commits

}  // namespace

// One read under way.
struct LogReader::Reading {
  QueueId queue;
  ReadRange range;
  Offset next;  // the offset that comes next in the log
  std::vector<StoredMessage> found;
  std::uint64_t bytes = 0;

  bool done() const {
    return next >= range.end || found.size() >= range.max_messages ||
           (!found.empty() && bytes >= range.max_bytes);
  }

  // False if it would go over the limit: then it is left for the next read.
  bool take(Offset offset, MessageRef&& message) {
    const std::uint64_t size = message->size_bytes();
    if (!found.empty() && bytes + size > range.max_bytes) {
      range.end = offset;
      return false;
    }
    bytes += size;
    found.push_back({offset, std::move(message)});
    next = dispatch::next(offset);
    return true;
  }
};

Result<std::vector<StoredMessage>> LogReader::read(QueueId queue, const QueueRuns& runs,
                                                   const ReadRange& range) {
  Reading reading{queue, range, range.from, {}, 0};
  if (range.max_messages == 0) return reading.found;
  for (const Run& run : runs.from(range.from)) {
    if (auto done = read_run(run, reading); !done) return done.error();
    if (reading.done()) break;
  }
  return std::move(reading.found);
}

Result<void> LogReader::read_run(const Run& run, Reading& reading) {
  reading.next = std::max(reading.next, run.first);
  for (std::uint32_t i = 0; i < run.commits && !reading.done() && reading.next < run.end(); ++i)
    if (auto done = read_commit(run.commit + i, reading); !done) return done;
  if (reading.done() || reading.next >= run.end()) return {};
  const bool known =
      damaged_.lower_bound(run.commit) != damaged_.lower_bound(run.commit + run.commits);
  if (!known)
    note_damage(run.commit, "commit " + std::to_string(run.commit) + " does not hold offset " +
                                std::to_string(reading.next.value) + " of queue " +
                                std::to_string(reading.queue.value));
  reading.next = run.end();
  return {};
}

Result<void> LogReader::read_commit(CommitNumber commit, Reading& reading) {
  auto found = find(commit);
  if (!found) return found.error();
  if (*found == nullptr) return {};
  if (auto done = read_block(**found, reading); !done) note_damage(commit, done.error().text);
  return {};
}

Result<void> LogReader::read_block(Block& block, Reading& reading) {
  if (block.queue != reading.queue || block.next > reading.next) {
    auto again = BlockReader::reopen(block.commit, block.bytes);
    if (!again) return again.error();
    block.reader = *again;
    block.queue = reading.queue;
  }
  while (block.reader.left() > 0 && !reading.done()) {
    const BlockReader before = block.reader;
    auto record = block.reader.next();
    if (!record) return record.error();
    const auto* append = std::get_if<AppendRecord>(&*record);
    if (append == nullptr || append->queue != reading.queue || append->offset < reading.next)
      continue;
    auto message = decode_message(append->message, block.reader.time());
    if (!message) return message.error();
    if (!reading.take(append->offset, std::move(*message))) block.reader = before;
  }
  block.next = reading.next;
  return {};
}

Result<LogReader::Block*> LogReader::find(CommitNumber commit) {
  const auto block = std::ranges::find(blocks_, commit, &Block::commit);
  if (block == blocks_.end()) return load(commit);
  blocks_.splice(blocks_.begin(), blocks_, block);
  return &blocks_.front();
}

Result<LogReader::Block*> LogReader::load(CommitNumber commit) {
  std::string bytes;
  const auto status = log_.Get(uncached(), log_key(commit), &bytes);
  if (status.IsIOError())
    return unavailable("commit " + std::to_string(commit) + " can't be read: " + status.ToString());
  if (!status.ok()) {
    note_damage(commit, "commit " + std::to_string(commit) +
                            (status.IsNotFound() ? " is missing" : ": " + status.ToString()));
    return nullptr;
  }
  // Into its place first: the reader looks at the bytes, which must not move any more.
  blocks_.push_front({commit, std::move(bytes), BlockReader{}, {}, {}});
  Block& block = blocks_.front();
  auto reader = BlockReader::open(commit, block.bytes);
  if (!reader) {
    note_damage(commit, reader.error().text);
    blocks_.pop_front();
    return nullptr;
  }
  block.reader = *reader;
  bytes_ += block.bytes.size();
  make_room();
  return &block;
}

void LogReader::note_damage(CommitNumber commit, std::string text) {
  if (damaged_.insert(commit).second) damage_.push_back(std::move(text));
}

std::vector<std::string> LogReader::take_damage() { return std::exchange(damage_, {}); }

void LogReader::make_room() {
  while (blocks_.size() > 1 && (bytes_ > kMaxCachedBytes || blocks_.size() > kMaxCachedBlocks)) {
    bytes_ -= blocks_.back().bytes.size();
    blocks_.pop_back();
  }
}

}  // namespace storage
