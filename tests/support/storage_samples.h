#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "leveldb/db.h"
#include "storage/journal.h"

// What storage tests are made of: short ways to write down writes, and a directory that goes away.

namespace storage_samples {

class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

dispatch::Write define(std::uint32_t queue, std::string name, std::string filter);
dispatch::Write define_template(std::uint32_t queue, std::string name, std::string filter);
dispatch::Write define_mailbox(std::uint32_t queue, std::uint32_t template_queue,
                               std::string topic);
dispatch::Write define_default_group(std::uint32_t queue);
dispatch::Write append(std::uint32_t queue, std::uint64_t offset, dispatch::MessageRef message,
                       std::string key = {});
dispatch::Write settle(std::uint32_t queue, std::uint64_t first, std::uint64_t last);
dispatch::Write attempt(std::uint32_t queue, std::uint64_t offset, std::uint32_t failed);
dispatch::Write drop(std::uint32_t queue);

template <class... Each>
std::vector<dispatch::Write> writes(Each&&... each) {
  std::vector<dispatch::Write> all;
  (all.push_back(std::forward<Each>(each)), ...);
  return all;
}

dispatch::MessageRef message(std::string topic, std::string payload);
// One with every property, differing from seed to seed.
dispatch::MessageRef rich_message(std::uint64_t seed);

// Both fail the running test with the error's text.
void must(const dispatch::Result<void>& done);
std::unique_ptr<storage::Journal> open_or_fail(const storage::JournalOptions& options);

// Changes a closed journal's database, log/ or state/, behind its back.
void tamper(const std::filesystem::path& database,
            const std::function<void(leveldb::DB& database)>& change);

// Every message of the queue that the journal still has.
std::vector<dispatch::Message> read_all(storage::Journal& journal, std::uint32_t queue);

}  // namespace storage_samples
