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
  if (const auto* append = std::get_if<dispatch::Append>(&write)) {
    runs[queue].add(append->offset, commit, log_bytes);
  } else if (std::holds_alternative<dispatch::Settle>(write)) {
    ++settlements;
  } else if (std::holds_alternative<dispatch::DeleteQueue>(write)) {
    runs.erase(queue);
    ++settlements;
  }
  return {};
}

void Fold::close(CommitNumber commit, std::uint64_t block_bytes) {
  last_commit = commit;
  log_bytes += block_bytes;
}

}  // namespace storage
