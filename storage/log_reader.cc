#include "storage/log_reader.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "storage/database.h"
#include "storage/message_codec.h"

namespace storage {

namespace {

constexpr std::uint64_t kMaxCachedBytes = 8u << 20;  // one block may be larger and is kept alone
constexpr std::size_t kMaxCachedBlocks = 64;         // as many as a run has commits

}  // namespace

Result<std::optional<BlockReader>> load_block(leveldb::DB& log, CommitNumber commit,
                                              std::string& bytes, std::string& damage) {
  const auto status = log.Get(uncached(), log_key(commit), &bytes);
  const std::string name = "commit " + std::to_string(commit);
  if (status.IsIOError()) return unavailable(name + " can't be read: " + status.ToString());
  if (!status.ok()) {
    damage = name + (status.IsNotFound() ? " is missing" : ": " + status.ToString());
    return std::optional<BlockReader>();
  }
  auto reader = BlockReader::open(commit, bytes);
  if (reader) return std::optional(*reader);
  damage = reader.error().text;
  return std::optional<BlockReader>();
}

Result<void> LogReader::read(const QueueRuns& runs, Reading& reading) {
  for (const Run& run : runs.from(reading.next)) {
    if (auto done = read_run(run, reading); !done) return done;
    if (reading.done()) break;
  }
  return {};
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
  // Into its place first: the reader looks at the bytes, which must not move any more.
  blocks_.push_front({commit, {}, BlockReader{}, {}, {}});
  Block& block = blocks_.front();
  std::string damage;
  auto reader = load_block(log_, commit, block.bytes, damage);
  if (!reader || !*reader) {
    blocks_.pop_front();
    if (!reader) return reader.error();
    note_damage(commit, std::move(damage));
    return nullptr;
  }
  block.reader = **reader;
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
