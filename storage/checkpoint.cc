#include "storage/checkpoint.h"

#include <algorithm>
#include <limits>

#include "leveldb/write_batch.h"
#include "storage/coding.h"
#include "storage/database.h"
#include "storage/record.h"

namespace storage {
namespace {

using dispatch::GroupId;
using dispatch::GroupState;
using dispatch::OffsetSet;
using dispatch::QueueState;

void put_settled(std::string& out, const OffsetSet& settled) {
  put_varint(out, settled.watermark().value);
  put_varint(out, settled.intervals().size());
  std::uint64_t at = settled.watermark().value;
  for (const auto& [first, last] : settled.intervals()) {
    put_varint(out, first.value - at);
    put_varint(out, last.value - first.value);
    at = last.value;
  }
}

OffsetSet get_settled(Reader& reader) {
  OffsetSet settled{Offset{reader.varint()}};
  const std::uint64_t count = reader.count();
  std::uint64_t at = settled.watermark().value;
  for (std::uint64_t i = 0; i < count && !reader.failed(); ++i) {
    const std::uint64_t first = at + reader.varint();
    const std::uint64_t last = first + reader.varint();
    if (first <= at || last < first) reader.fail();
    if (!reader.failed()) settled.add(Offset{first}, Offset{last});
    at = last;
  }
  return settled;
}

void put_group(std::string& out, GroupId id, const GroupState& group) {
  put_varint(out, id.value);
  put_string(out, group.name);
  put_settled(out, group.settled);
  put_varint(out, group.attempts.size());
  for (const auto& [offset, failed] : group.attempts) {
    put_varint(out, offset.value);
    put_varint(out, failed);
  }
  put_ends(out, group.ended);
}

void get_group(Reader& reader, QueueState& queue) {
  GroupState& group = queue.groups[GroupId{reader.varint32()}];
  group.name = reader.string();
  group.settled = get_settled(reader);
  const std::uint64_t attempts = reader.count();
  for (std::uint64_t i = 0; i < attempts && !reader.failed(); ++i) {
    const Offset offset{reader.varint()};
    group.attempts[offset] = reader.varint32();
  }
  group.ended = get_ends(reader);
}

void put_latest(std::string& out, const QueueState& queue) {
  put_varint(out, queue.latest.size());
  for (const auto& [key, value] : queue.latest) {
    put_string(out, key);
    put_varint(out, value.offset.value);
    put_varint(out, value.bytes);
  }
}

void get_latest(Reader& reader, QueueState& queue) {
  const std::uint64_t count = reader.count();
  queue.latest.reserve(count / 3);  // an entry takes three bytes at least
  for (std::uint64_t i = 0; i < count && !reader.failed(); ++i) {
    std::string key(reader.string());
    const Offset offset{reader.varint()};
    queue.latest[std::move(key)] = {offset, reader.varint32()};
  }
}

void put_runs(std::string& out, std::span<const Run> runs) {
  put_varint(out, runs.size());
  CommitNumber commit = 0;
  std::uint64_t offset = 0;
  for (const Run& run : runs) {
    put_varint(out, run.commit - commit);
    put_varint(out, run.commits);
    put_varint(out, run.first.value - offset);
    put_varint(out, run.count);
    commit = run.commit;
    offset = run.end().value;
  }
}

QueueRuns get_runs(Reader& reader) {
  std::vector<Run> runs;
  const std::uint64_t count = reader.count();
  runs.reserve(count / 4);  // a run takes four bytes at least
  CommitNumber commit = 0;
  std::uint64_t offset = 0;
  for (std::uint64_t i = 0; i < count && !reader.failed(); ++i) {
    Run run;
    run.commit = commit + reader.varint();
    run.commits = reader.varint32();
    run.first = Offset{offset + reader.varint()};
    run.count = reader.varint32();
    if (run.commits == 0 || run.count == 0) reader.fail();
    commit = run.commit;
    offset = run.end().value;
    runs.push_back(run);
  }
  return QueueRuns(std::move(runs));
}

// What a record of state/ is about. Written to disk: never change or reuse a number.
enum class RecordKind : std::uint8_t { deleted = 0, queue = 1, mailbox = 2 };

RecordKind kind_of(const QueueState* state) {
  if (state == nullptr) return RecordKind::deleted;
  return state->is_mailbox() ? RecordKind::mailbox : RecordKind::queue;
}

void put_definition(std::string& out, const QueueState& state) {
  if (state.is_mailbox()) {
    put_varint(out, state.template_queue.value);
    return put_string(out, state.topic);
  }
  put_options(out, state.options());
  if (state.options().per_topic) put_varint(out, state.stored_before);
}

Result<void> get_definition(Reader& reader, RecordKind kind, QueueState& state) {
  if (kind == RecordKind::mailbox) {
    state.template_queue = QueueId{reader.varint()};
    state.topic = reader.string();
    return {};
  }
  auto options = get_options(reader);
  if (!options) return options.error();
  state.set_options(std::move(*options));
  if (state.options().per_topic) state.stored_before = reader.varint();
  return {};
}

Result<QueueRecord> get_queue(Reader& reader, QueueId queue) {
  QueueRecord record;
  record.covered = reader.varint();
  const auto kind = static_cast<RecordKind>(reader.byte());
  record.deleted = kind == RecordKind::deleted;
  if (record.deleted) return record;
  if (kind != RecordKind::queue && kind != RecordKind::mailbox)
    return unavailable("it is of an unknown kind");
  record.state.id = queue;
  if (auto defined = get_definition(reader, kind, record.state); !defined) return defined.error();
  record.state.next = Offset{reader.varint()};
  record.state.gone = get_settled(reader);
  record.state.kept_bytes = reader.varint();
  record.state.ended = get_ends(reader);
  const std::uint64_t groups = reader.count();
  for (std::uint64_t i = 0; i < groups && !reader.failed(); ++i) get_group(reader, record.state);
  get_latest(reader, record.state);
  record.runs = get_runs(reader);
  return record;
}

}  // namespace

void encode_head(std::string& out, const Head& head) {
  begin_envelope(out);
  put_varint(out, kSchemaVersion);
  put_varint(out, head.covered);
  put_varint(out, head.kept_from);
  put_varint(out, head.removed_below);
  put_varint(out, head.next_queue.value);
  seal_envelope(out, kHeadKey);
}

Result<Head> decode_head(std::string_view value) {
  const auto body = open_envelope(kHeadKey, value);
  if (!body) return unavailable("the checkpoint's head is damaged: " + body.error().text);
  Reader reader(*body);
  Head head;
  head.schema = reader.varint();
  if (head.schema == 0 || head.schema > kSchemaVersion)
    return unavailable("it has schema version " + std::to_string(head.schema) +
                       " and this sluice knows versions up to " + std::to_string(kSchemaVersion) +
                       ": use the sluice that wrote it");
  head.covered = reader.varint();
  head.kept_from = reader.varint();
  head.removed_below = reader.varint();
  head.next_queue = QueueId{reader.varint()};
  if (!reader.done()) return unavailable("the checkpoint's head is damaged: wrong length");
  return head;
}

void encode_queue(std::string& out, QueueId queue, CommitNumber covered, const QueueState* state,
                  std::span<const Run> runs) {
  begin_envelope(out);
  put_varint(out, covered);
  out.push_back(static_cast<char>(kind_of(state)));
  if (state != nullptr) {
    put_definition(out, *state);
    put_varint(out, state->next.value);
    put_settled(out, state->gone);
    put_varint(out, state->kept_bytes);
    put_ends(out, state->ended);
    put_varint(out, state->groups.size());
    for (const auto& [id, group] : state->groups) put_group(out, id, group);
    put_latest(out, *state);
    put_runs(out, runs);
  }
  seal_envelope(out, queue_key(queue));
}

Result<QueueRecord> decode_queue(QueueId queue, std::string_view value) {
  const std::string name = "the checkpoint of queue " + std::to_string(queue.value);
  const auto body = open_envelope(queue_key(queue), value);
  if (!body) return unavailable(name + " is damaged: " + body.error().text);
  Reader reader(*body);
  auto record = get_queue(reader, queue);
  if (!record) return unavailable(name + " can't be used: " + record.error().text);
  if (!reader.done()) return unavailable(name + " is damaged: wrong length");
  return record;
}

Checkpointer::Checkpointer(leveldb::DB& state, Fold& fold, const Head& head,
                           std::map<QueueId, CommitNumber>&& graves, std::uint64_t slice_bytes)
    : state_(state),
      fold_(fold),
      head_(head),
      graves_(std::move(graves)),
      slice_bytes_(slice_bytes) {}

void Checkpointer::start() {
  running_ = true;
  started_at_ = fold_.last_commit;
  next_queue_at_start_ = fold_.states.next_id;
  pending_ = std::move(fold_.changed);
  fold_.changed.clear();
}

Result<void> Checkpointer::slice(CommitNumber removed_below) {
  return pending_.empty() ? write_head(removed_below) : write_some_queues();
}

// The queue's record as of the last commit, into value_.
void Checkpointer::encode_now(QueueId queue) {
  const auto state = fold_.states.queues.find(queue);
  if (state == fold_.states.queues.end()) {
    graves_[queue] = fold_.last_commit;
    return encode_queue(value_, queue, fold_.last_commit, nullptr, {});
  }
  const auto runs = fold_.runs.find(queue);
  if (runs == fold_.runs.end())
    return encode_queue(value_, queue, fold_.last_commit, &state->second, {});
  runs->second.drop_gone(state->second);
  encode_queue(value_, queue, fold_.last_commit, &state->second, runs->second.all());
}

Result<void> Checkpointer::write_some_queues() {
  leveldb::WriteBatch batch;
  std::uint64_t bytes = 0;
  while (!pending_.empty() && bytes < slice_bytes_) {
    const QueueId queue = *pending_.begin();
    pending_.erase(pending_.begin());
    encode_now(queue);
    batch.Put(queue_key(queue), value_);
    bytes += value_.size();
    // Now that its record has no runs of what was moved, nobody needs to know that it was.
    const auto blocks = fold_.spilled.find(queue);
    if (blocks == fold_.spilled.end() || !blocks->second.all().empty()) continue;
    batch.Delete(spill_index_key(queue));
    fold_.spilled.erase(blocks);
  }
  if (const auto status = state_.Write(synced(), &batch); !status.ok()) return to_error(status);
  return {};
}

Result<void> Checkpointer::write_head(CommitNumber removed_below) {
  Head head;
  head.covered = started_at_;
  head.kept_from = std::max(head_.kept_from, std::min(lowest_needed(fold_), started_at_));
  head.removed_below = removed_below;
  head.next_queue = next_queue_at_start_;
  leveldb::WriteBatch batch;
  encode_head(value_, head);
  batch.Put(to_slice(kHeadKey), value_);
  for (const auto& [queue, covered] : graves_)
    if (covered <= started_at_) batch.Delete(queue_key(queue));
  if (const auto status = state_.Write(synced(), &batch); !status.ok()) return to_error(status);
  std::erase_if(graves_, [&](const auto& grave) { return grave.second <= started_at_; });
  head_ = head;
  running_ = false;
  return {};
}

CommitNumber lowest_needed(Fold& fold) {
  CommitNumber lowest = fold.last_commit;
  for (auto entry = fold.runs.begin(); entry != fold.runs.end();) {
    QueueRuns& runs = entry->second;
    runs.drop_below(fold.states.queues.at(entry->first).first_kept());
    if (runs.empty()) {
      entry = fold.runs.erase(entry);
      continue;
    }
    lowest = std::min(lowest, runs.all().front().commit);
    ++entry;
  }
  return lowest;
}

}  // namespace storage
