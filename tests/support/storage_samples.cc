#include "tests/support/storage_samples.h"

#include <stdlib.h>

#include <random>

#include "doctest/doctest.h"
#include "storage/log_env.h"

namespace storage_samples {

using namespace dispatch;

ScratchDirectory::ScratchDirectory() {
  // In memory where there is such a place: a sync costs nothing there, and no test measures it.
  const std::filesystem::path memory = "/dev/shm";
  const auto parent =
      std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  std::string pattern = (parent / "sluice-test-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Write define(std::uint32_t queue, std::string name, std::string filter) {
  QueueOptions options;
  options.name = std::move(name);
  options.filter = std::move(filter);
  return DefineQueue{QueueId{queue}, options};
}

Write define_template(std::uint32_t queue, std::string name, std::string filter) {
  Write write = define(queue, std::move(name), std::move(filter));
  std::get<DefineQueue>(write).options.per_topic = true;
  return write;
}

Write define_mailbox(std::uint32_t queue, std::uint32_t template_queue, std::string topic) {
  return DefineMailbox{QueueId{queue}, QueueId{template_queue}, std::move(topic)};
}

Write define_default_group(std::uint32_t queue) {
  return DefineGroup{QueueId{queue}, dispatch::GroupId{1}, "default", Offset{1}};
}

Write append(std::uint32_t queue, std::uint64_t offset, MessageRef message, std::string key) {
  return Append{QueueId{queue}, Offset{offset}, std::move(message), std::move(key)};
}

Write settle(std::uint32_t queue, std::uint64_t first, std::uint64_t last) {
  return Settle{QueueId{queue}, dispatch::GroupId{1}, Offset{first}, Offset{last}};
}

Write attempt(std::uint32_t queue, std::uint64_t offset, std::uint32_t failed) {
  return Attempt{QueueId{queue}, dispatch::GroupId{1}, Offset{offset}, failed};
}

Write drop(std::uint32_t queue) { return DeleteQueue{QueueId{queue}}; }

MessageRef message(std::string topic, std::string payload) {
  auto made = std::make_shared<Message>();
  made->topic = std::move(topic);
  made->payload = std::move(payload);
  made->publisher = "camera-1";
  made->stored_at = Time(Duration(1'700'000'000'000));
  return made;
}

namespace {

std::string random_bytes(std::mt19937_64& random, std::size_t at_most) {
  std::string bytes(random() % (at_most + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace

MessageRef rich_message(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  auto made = std::make_shared<Message>();
  made->topic = "t/" + std::to_string(random() % 1000);
  made->payload = random_bytes(random, random() % 8 == 0 ? 5000 : 300);
  made->publisher = random_bytes(random, 20);
  if (random() % 2) made->username = "u" + random_bytes(random, 20);
  made->stored_at = Time(Duration(static_cast<std::int64_t>(random() % (1ull << 42))));
  ApplicationProperties& properties = made->properties;
  if (random() % 2) properties.payload_format = static_cast<std::uint8_t>(random() % 2);
  if (random() % 2) properties.message_expiry_s = static_cast<std::uint32_t>(random());
  if (random() % 2) properties.content_type = random_bytes(random, 30);
  if (random() % 2) properties.response_topic = random_bytes(random, 30);
  if (random() % 2) properties.correlation_data = random_bytes(random, 30);
  for (std::uint64_t i = random() % 4; i > 0; --i) {
    auto name = random_bytes(random, 10);
    properties.user.push_back({std::move(name), random_bytes(random, 200)});
  }
  if (random() % 3 == 0)
    made->dead_letter =
        dispatch::DeadLetter{random_bytes(random, 40), Time(Duration(12345)), Offset{random()},
                             static_cast<std::uint32_t>(random())};
  return made;
}

void must(const Result<void>& done) {
  if (!done) FAIL(done.error().text);
}

std::unique_ptr<storage::Journal> open_or_fail(const storage::JournalOptions& options) {
  auto journal = storage::Journal::open(options);
  if (!journal) FAIL(journal.error().text);
  return std::move(*journal);
}

void tamper(const std::filesystem::path& database,
            const std::function<void(leveldb::DB& database)>& change) {
  storage::LogEnv log_env(*leveldb::Env::Default());
  leveldb::Options options;
  if (database.filename() == "log") options.env = &log_env;
  leveldb::DB* opened = nullptr;
  REQUIRE(leveldb::DB::Open(options, database.string(), &opened).ok());
  const std::unique_ptr<leveldb::DB> owner(opened);
  change(*owner);
}

std::vector<Message> read_all(storage::Journal& journal, std::uint32_t queue) {
  std::vector<Message> all;
  auto found = journal.read(QueueId{queue}, Offset{1}, Offset{~0ull}, ~0u, ~0ull);
  if (!found) FAIL(found.error().text);
  for (const StoredMessage& each : *found) all.push_back(*each.message);
  return all;
}

}  // namespace storage_samples
