#include "storage/check.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "storage/database.h"
#include "storage/inspection.h"
#include "storage/look.h"
#include "storage/message_codec.h"
#include "storage/record.h"
#include "storage/spill_block.h"

namespace storage {
namespace {

using dispatch::QueueState;

constexpr std::uint64_t kProgressBytes = 1u << 20;

std::string text(QueueId queue) { return "queue " + std::to_string(queue.value); }

class Checker {
 public:
  Checker(Look& look, const std::function<void(std::uint64_t)>& progress)
      : look_(look), progress_(progress) {}

  Result<CheckReport> run() {
    auto recovered = recover(look_.directory, look_.env.get(), kLookBufferBytes);
    if (recovered) {
      journal_ = std::move(*recovered);
      for (auto& line : journal_->damage) found(std::move(line));
      if (!look_.base->FileExists(look_.directory + "/state/CURRENT"))
        found("state/ is missing: a start would rebuild it from the log, without the sessions");
      open_cursors();
      check_state(*journal_->state);
      check_log(*journal_->log);
      for (auto& [queue, cursor] : cursors_) finish(queue, cursor);
    } else if (auto locked = check_unrecovered(recovered.error().text); !locked) {
      return locked.error();
    }
    return std::move(report_);
  }

 private:
  // Follows one queue through its messages: offsets come in ascending order.
  struct Cursor {
    const QueueState* state;
    const QueueRuns* runs;  // nullptr: none
    Offset next;            // the lowest offset that is needed and was not met yet
  };

  void found(std::string line) {
    ++report_.problems;
    if (report_.findings.size() < kMaxFindings) report_.findings.push_back(std::move(line));
  }

  void read(std::size_t bytes) {
    report_.bytes += bytes;
    if (!progress_ || report_.bytes < told_ + kProgressBytes) return;
    told_ = report_.bytes;
    progress_(told_);
  }

  // It can't be served from; what can be said of the databases one by one?
  Result<void> check_unrecovered(const std::string& why) {
    auto lock = DirectoryLock::take(*look_.env, look_.directory);
    if (!lock)
      return unavailable("data directory " + look_.directory + ": " + lock.error().text +
                         "; a backup of it can be checked: `sluice journal backup`");
    found(why);
    if (auto state = open_state(look_.directory + "/state", look_.env.get()))
      check_state(**state);
    else
      found("state/ can't be opened: " + state.error().text);
    if (auto log = open_log(look_.directory + "/log", look_.env.get(), kLookBufferBytes))
      check_log(**log);
    else
      found("log/ can't be opened: " + log.error().text);
    return {};
  }

  // --- state/ ---

  void check_state(leveldb::DB& state) {
    leveldb::ReadOptions options;
    options.verify_checksums = true;
    options.fill_cache = false;
    const std::unique_ptr<leveldb::Iterator> it(state.NewIterator(options));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      read(it->value().size());
      check_state_value(to_view(it->key()), to_view(it->value()));
    }
    if (!it->status().ok()) found("state/: " + it->status().ToString());
  }

  void check_state_value(std::string_view key, std::string_view value) {
    if (key == kHeadKey) {
      if (auto head = decode_head(value); !head) found(head.error().text);
    } else if (const auto queue = storage::queue_of(key)) {
      if (auto record = decode_queue(*queue, value); !record) found(record.error().text);
    } else if (spill_index_of(key)) {
      if (auto index = decode_spilled(*spill_index_of(key), value); !index)
        found(index.error().text);
    } else if (const auto block = spill_block_of(key)) {
      check_spilled(block->queue, block->first, value);
    } else if (const auto client = session_of(key)) {
      if (auto record = open_envelope(key, value); !record)
        found("the session of client '" + *client + "': " + record.error().text);
    } else {
      found("state/ holds a key of an unknown kind");
    }
  }

  // Blocks come before the log, as their messages do.
  void check_spilled(QueueId queue, Offset first, std::string_view value) {
    auto reader = SpillBlockReader::open(queue, first, value);
    const SpilledBlock* block = find_block(queue, first);
    if (journal_ && block == nullptr) found("no index leads to " + spill_block_name(queue, first));
    while (reader && reader->left() > 0) {
      const auto spilled = reader->next();
      if (!spilled) {
        reader = spilled.error();
        break;
      }
      const auto message = decode_message(spilled->message, spilled->time);
      if (!message) found(spill_block_name(queue, first) + ": " + message.error().text);
      if (message && block != nullptr && spilled->offset < block->end())
        met_kept(queue, spilled->offset);
    }
    if (!reader) found(reader.error().text);
  }

  // nullptr: no index has it.
  const SpilledBlock* find_block(QueueId queue, Offset first) const {
    if (!journal_) return nullptr;
    for (const SpillIndex* index : {&journal_->fold.spilled, &journal_->fold.orphans}) {
      const auto blocks = index->find(queue);
      if (blocks == index->end()) continue;
      const auto from = blocks->second.from(first);
      if (!from.empty() && from.front().first == first) return &from.front();
    }
    return nullptr;
  }

  // --- log/ ---

  void check_log(leveldb::DB& log) {
    const std::unique_ptr<leveldb::Iterator> it(log.NewIterator(uncached()));
    it->SeekToFirst();
    // What a crash left of a removal is seen to at the next start.
    const CommitNumber begin = journal_ ? journal_->head.kept_from : 0;
    std::optional<CommitNumber> expected;
    if (begin > 0) expected = begin;
    for (; it->Valid(); it->Next()) {
      read(it->value().size());
      const auto commit = commit_of(to_view(it->key()));
      if (!commit) {
        found("log/ holds a key that is not a commit");
        continue;
      }
      if (*commit < begin) continue;
      if (expected && *expected < *commit) missing(*expected, *commit);
      expected = *commit + 1;
      check_block(*commit, to_view(it->value()));
    }
    if (!it->status().ok()) found("log/: " + it->status().ToString());
  }

  void missing(CommitNumber first, CommitNumber end) {
    // A hole after the checkpoint was noticed, commit by commit, when the log was folded in.
    if (journal_) end = std::min(end, journal_->head.covered + 1);
    if (first >= end) return;
    const std::string last = end - first == 1 ? "" : " to " + std::to_string(end - 1);
    found("commit " + std::to_string(first) + last + " is missing");
  }

  void check_block(CommitNumber commit, std::string_view block) {
    ++report_.commits;
    auto reader = BlockReader::open(commit, block);
    while (reader && reader->left() > 0) {
      auto record = reader->next();
      if (!record) {
        reader = record.error();
        break;
      }
      const auto* append = std::get_if<AppendRecord>(&*record);
      if (append == nullptr) continue;
      const auto message = decode_message(append->message, reader->time());
      if (!message) found("commit " + std::to_string(commit) + ": " + message.error().text);
      if (message) met(append->queue, append->offset, commit);
    }
    const bool told = journal_ && commit > journal_->head.covered;
    if (!reader && !told) found(reader.error().text);
  }

  // --- Together ---

  void open_cursors() {
    report_.queues = journal_->fold.states.queues.size();
    for (const auto& [id, state] : journal_->fold.states.queues) {
      const auto runs = journal_->fold.runs.find(id);
      const QueueRuns* index = runs == journal_->fold.runs.end() ? nullptr : &runs->second;
      cursors_[id] = {&state, index, needed_from(state, Offset{1})};
    }
  }

  // The first offset, from this one on, that is kept.
  static Offset needed_from(const QueueState& state, Offset from) {
    return std::min(state.gone.next_missing(from), state.next);
  }

  // nullptr: nobody needs it, or it was met before.
  Cursor* met_kept(QueueId queue, Offset offset) {
    const auto known = cursors_.find(queue);
    if (known == cursors_.end() || offset < known->second.next) return nullptr;
    Cursor& cursor = known->second;
    if (!cursor.state->keeps(offset)) return nullptr;
    skipped(queue, cursor, offset);
    cursor.next = needed_from(*cursor.state, dispatch::next(offset));
    ++report_.messages;
    return &cursor;
  }

  void met(QueueId queue, Offset offset, CommitNumber commit) {
    const Cursor* cursor = met_kept(queue, offset);
    if (cursor == nullptr) return;
    const auto runs = cursor->runs == nullptr ? std::span<const Run>() : cursor->runs->from(offset);
    const bool indexed = !runs.empty() && runs.front().first <= offset &&
                         runs.front().commit <= commit &&
                         commit < runs.front().commit + runs.front().commits;
    if (!indexed)
      found(text(queue) + ": the index does not lead to offset " + std::to_string(offset.value) +
            " in commit " + std::to_string(commit));
  }

  // Names what is needed below `end` and was not there.
  void skipped(QueueId queue, Cursor& cursor, Offset end) {
    while (cursor.next < end) {
      const Offset first = cursor.next;
      Offset last = first;
      while (dispatch::next(last) < end &&
             needed_from(*cursor.state, dispatch::next(last)) == dispatch::next(last))
        last = dispatch::next(last);
      const std::string to = last == first ? "" : " to " + std::to_string(last.value);
      found(text(queue) + " (" + cursor.state->name() + "): offset " + std::to_string(first.value) +
            to + " is kept and not there");
      cursor.next = needed_from(*cursor.state, dispatch::next(last));
    }
  }

  void finish(QueueId queue, Cursor& cursor) { skipped(queue, cursor, cursor.state->next); }

  Look& look_;
  const std::function<void(std::uint64_t)>& progress_;
  std::optional<Recovered> journal_;  // nothing: it can't be served from
  std::map<QueueId, Cursor> cursors_;
  CheckReport report_;
  std::uint64_t told_ = 0;
};

}  // namespace

Result<CheckReport> check_journal(const std::filesystem::path& directory, leveldb::Env* env,
                                  const std::function<void(std::uint64_t)>& progress) {
  auto look = look_at(directory, env);
  if (!look) return look.error();
  return Checker(*look, progress).run();
}

}  // namespace storage
