#include "storage/fold.h"

#include <variant>

namespace storage {

QueueId queue_of(const Write& write) {
  return std::visit([](const auto& any) { return any.queue; }, write);
}

Result<void> Fold::apply(CommitNumber commit, const Write& write) {
  if (auto done = dispatch::apply(states, write); !done) return done;
  const QueueId queue = queue_of(write);
  changed.insert(queue);
  const auto* append = std::get_if<dispatch::Append>(&write);
  const auto moved = spilled.empty() ? spilled.end() : spilled.find(queue);
  if (moved != spilled.end() && (append == nullptr || !append->key.empty()))
    moved->second.touched = true;
  if (append != nullptr) {
    // A replay meets some that were moved after the checkpoint.
    if (moved == spilled.end() || append->offset >= moved->second.end())
      runs[queue].add(append->offset, commit, log_bytes);
  } else if (std::holds_alternative<dispatch::Settle>(write)) {
    ++settlements;
  } else if (std::holds_alternative<dispatch::DeleteQueue>(write)) {
    runs.erase(queue);
    if (auto blocks = spilled.extract(queue)) orphans.insert(std::move(blocks));
    ++settlements;
  }
  return {};
}

void Fold::close(CommitNumber commit, std::uint64_t block_bytes) {
  last_commit = commit;
  log_bytes += block_bytes;
}

}  // namespace storage
