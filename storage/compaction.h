#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "leveldb/db.h"

// A compaction of a range of keys, beside commits. LevelDB does it in its own thread, but whoever
// asks for it has to wait, up to about half a second; so a thread asks that has nothing else to do.

namespace storage {

class Compaction {
 public:
  Compaction() = default;
  ~Compaction() { wait(); }
  Compaction(const Compaction&) = delete;
  Compaction& operator=(const Compaction&) = delete;

  // Begins with the keys from `from` (nothing: the first) to `to`. None may be running. `database`
  // must outlive it. What goes wrong shows at the database's next write.
  void start(leveldb::DB& database, std::optional<std::string> from, std::string to);
  bool running() const { return running_.load(std::memory_order_acquire); }
  void wait();

 private:
  std::thread thread_;
  std::atomic<bool> running_ = false;
};

}  // namespace storage
