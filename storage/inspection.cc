#include "storage/inspection.h"

#include <algorithm>
#include <utility>

#include "storage/database.h"
#include "storage/look.h"
#include "storage/message_codec.h"
#include "storage/record.h"
#include "storage/session_store.h"
#include "storage/spill_block.h"

namespace storage {
namespace {

std::uint64_t disk_bytes(leveldb::Env& env, const std::string& directory) {
  std::vector<std::string> names;
  env.GetChildren(directory, &names);
  std::uint64_t total = 0;
  for (const auto& name : names) {
    std::string path = directory;
    path.append("/").append(name);
    std::uint64_t bytes = 0;
    if (name != "." && name != ".." && env.GetFileSize(path, &bytes).ok()) total += bytes;
  }
  return total;
}

CommitView view_of(CommitNumber commit, std::string_view block) {
  CommitView view;
  view.commit = commit;
  view.bytes = block.size();
  const auto reader = BlockReader::open(commit, block);
  auto writes = decode_block(commit, block, Messages::with);
  if (!reader || !writes) {
    view.damage = writes ? reader.error().text : writes.error().text;
    return view;
  }
  view.time = reader->time();
  view.writes = std::move(*writes);
  return view;
}

Result<void> read_messages(SpilledView& view, std::string_view value) {
  auto reader = SpillBlockReader::open(view.queue, view.first, value);
  if (!reader) return reader.error();
  while (reader->left() > 0) {
    const auto spilled = reader->next();
    if (!spilled) return spilled.error();
    auto message = decode_message(spilled->message, spilled->time);
    if (!message) return message.error();
    view.messages.push_back({spilled->offset, std::move(*message)});
  }
  return {};
}

SpilledView view_of(const SpillBlockKey& key, std::string_view value) {
  SpilledView view{key.queue, key.first, value.size(), {}, {}};
  if (auto done = read_messages(view, value); !done) view.damage = done.error().text;
  return view;
}

}  // namespace

struct Inspection::Impl {
  Look look;
  Recovered journal;
};

Result<std::unique_ptr<Inspection>> Inspection::open(const std::filesystem::path& directory,
                                                     leveldb::Env* env) {
  auto look = look_at(directory, env);
  if (!look) return look.error();
  auto recovered = recover(directory, look->env.get(), kLookBufferBytes);
  if (!recovered) return recovered.error();
  auto impl = std::make_unique<Impl>(Impl{std::move(*look), std::move(*recovered)});
  return std::unique_ptr<Inspection>(new Inspection(std::move(impl)));
}

Inspection::Inspection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Inspection::~Inspection() = default;

const QueueStates& Inspection::states() const { return impl_->journal.fold.states; }

const std::vector<std::string>& Inspection::damage() const { return impl_->journal.damage; }

Result<std::map<std::string, std::string>> Inspection::sessions() const {
  return read_sessions(*impl_->journal.state);
}

JournalFigures Inspection::figures() const {
  const Recovered& journal = impl_->journal;
  JournalFigures figures;
  figures.queues = journal.fold.states.queues.size();
  if (const auto kept = sessions()) figures.sessions = kept->size();
  for (const auto& [id, queue] : journal.fold.states.queues) figures.kept += queue.kept();
  figures.last_commit = journal.fold.last_commit;
  figures.checkpoint_commit = journal.head.covered;
  figures.kept_from = journal.head.kept_from;
  figures.first_commit = figures.last_commit == 0 ? 0 : journal.head.removed_below;
  for (const auto& [id, runs] : journal.fold.runs) figures.runs += runs.all().size();
  for (const auto& [id, blocks] : journal.fold.spilled) {
    figures.spilled_blocks += blocks.all().size();
    for (const SpilledBlock& block : blocks.all()) figures.spilled_bytes += block.bytes;
  }
  figures.log_disk_bytes = disk_bytes(*impl_->look.base, impl_->look.directory + "/log");
  figures.state_disk_bytes = disk_bytes(*impl_->look.base, impl_->look.directory + "/state");
  return figures;
}

Result<void> Inspection::each_spilled(const std::function<bool(const SpilledView&)>& visit) const {
  const std::unique_ptr<leveldb::Iterator> it(impl_->journal.state->NewIterator(uncached()));
  for (it->Seek("b"); it->Valid(); it->Next()) {
    const auto key = spill_block_of(to_view(it->key()));
    if (!key || !visit(view_of(*key, to_view(it->value())))) break;
  }
  return it->status().ok() ? Result<void>() : to_error(it->status());
}

Result<void> Inspection::each_commit(CommitNumber from, CommitNumber last,
                                     const std::function<bool(const CommitView&)>& visit) const {
  const Recovered& journal = impl_->journal;
  const std::unique_ptr<leveldb::Iterator> it(journal.log->NewIterator(uncached()));
  for (it->Seek(log_key(std::max(from, journal.head.removed_below))); it->Valid(); it->Next()) {
    const auto commit = commit_of(to_view(it->key()));
    if (!commit) return unavailable("log/ holds a key that is not a commit");
    if (*commit > last || !visit(view_of(*commit, to_view(it->value())))) break;
  }
  return it->status().ok() ? Result<void>() : to_error(it->status());
}

}  // namespace storage
