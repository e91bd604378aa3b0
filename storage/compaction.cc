#include "storage/compaction.h"

#include <utility>

namespace storage {

// LevelDB decides which levels it must look at before it writes out what is in memory, so the first
// call does that and the second the work.
void Compaction::start(leveldb::DB& database, std::optional<std::string> from, std::string to) {
  wait();
  running_.store(true, std::memory_order_release);
  thread_ = std::thread([this, &database, from = std::move(from), to = std::move(to)] {
    const leveldb::Slice begin = from ? leveldb::Slice(*from) : leveldb::Slice(), end = to;
    for (int times = 0; times < 2; ++times) database.CompactRange(from ? &begin : nullptr, &end);
    running_.store(false, std::memory_order_release);
  });
}

void Compaction::wait() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace storage
