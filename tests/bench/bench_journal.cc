#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "storage/coding.h"
#include "storage/crc32c.h"
#include "storage/journal.h"

// How fast the journal takes messages in, next to the least that any durable log must do: append
// the same bytes to a file and fdatasync it. Both in turn, in short slices of one run, so that
// whatever else the disk does hits both alike; the ratio is what counts.

namespace {

using namespace dispatch;
using Clock = std::chrono::steady_clock;

struct Settings {
  std::filesystem::path directory = "bench_journal.tmp";
  std::vector<std::uint32_t> groups = {1, 8, 64, 512};
  std::vector<std::size_t> sizes = {16, 256, 4096, 65536};
  double seconds = 4;  // for each group and size, both contenders together
  bool json = false;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_journal: %s\n", why.c_str());
  std::exit(1);
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// What this process has given to the disk so far, as the kernel counts.
std::uint64_t written_bytes() {
  std::ifstream io("/proc/self/io");
  std::string name;
  for (std::uint64_t value = 0; io >> name >> value;)
    if (name == "write_bytes:") return value;
  return 0;
}

// A file, one write and one fdatasync a commit, and a checksum.
class RawLog {
 public:
  explicit RawLog(const std::filesystem::path& file)
      : descriptor_(::open(file.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600)) {
    if (descriptor_ < 0) give_up("can't make " + file.string());
  }
  ~RawLog() { ::close(descriptor_); }
  RawLog(const RawLog&) = delete;
  RawLog& operator=(const RawLog&) = delete;

  void commit(const std::vector<MessageRef>& messages) {
    block_.assign(4, '\0');
    for (const auto& message : messages) {
      storage::put_string(block_, message->topic);
      storage::put_string(block_, message->payload);
    }
    std::string crc;
    storage::put_fixed32(crc, storage::crc32c(block_));
    block_.replace(0, crc.size(), crc);
    const auto size = static_cast<ssize_t>(block_.size());
    if (::write(descriptor_, block_.data(), block_.size()) != size || ::fdatasync(descriptor_) != 0)
      give_up("raw log: write failed");
  }

 private:
  int descriptor_;
  std::string block_;
};

std::vector<MessageRef> make_group(std::uint32_t size, std::size_t message_bytes) {
  std::vector<MessageRef> group;
  for (std::uint32_t i = 0; i < size; ++i) {
    auto message = std::make_shared<Message>();
    message->topic = "bench/" + std::to_string(i % 16);
    message->payload.assign(message_bytes, static_cast<char>('a' + i % 26));
    message->publisher = "bench";
    group.push_back(std::move(message));
  }
  return group;
}

class JournalLog {
 public:
  explicit JournalLog(const std::filesystem::path& directory) {
    auto opened = storage::Journal::open({directory});
    if (!opened) give_up(opened.error().text);
    journal_ = std::move(*opened);
    QueueOptions options;
    options.name = options.filter = "bench";
    writes_ = {DefineQueue{QueueId{1}, options},
               DefineGroup{QueueId{1}, dispatch::GroupId{1}, "default", Offset{1}}};
    write();
    warm_up();
  }

  void commit(const std::vector<MessageRef>& messages) {
    for (const auto& message : messages)
      writes_.push_back(Append{QueueId{1},
                               Offset{next_++},
                               message,
                               {},
                               static_cast<std::uint32_t>(message->size_bytes())});
    write();
  }

 private:
  // Until LevelDB's write-ahead logs are written over old ones, as they are from then on.
  void warm_up() {
    const auto group = make_group(64, 64 << 10);
    for (int commits = 0; commits < 12; ++commits) commit(group);
    // And until LevelDB's thread has written its tables.
    for (std::uint64_t before = 0; before != written_bytes();) {
      before = written_bytes();
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }

  void write() {
    if (auto done = journal_->commit(writes_); !done) give_up(done.error().text);
    if (auto done = journal_->work(); !done) give_up(done.error().text);
    writes_.clear();
  }

  std::unique_ptr<storage::Journal> journal_;
  std::vector<Write> writes_;
  std::uint64_t next_ = 1;
};

struct Tally {
  std::uint64_t messages = 0;
  double seconds = 0;
  double cpu = 0;
  double longest_ms = 0;  // commit
  std::uint64_t disk_bytes = 0;

  double per_second() const { return static_cast<double>(messages) / seconds; }
  double cpu_us() const { return cpu * 1e6 / static_cast<double>(messages); }
  double disk_bytes_per_message() const {
    return static_cast<double>(disk_bytes) / static_cast<double>(messages);
  }
};

// As proxy/queue_service.h does it: a commit of more than 1 MiB is several.
std::vector<std::vector<MessageRef>> split(const std::vector<MessageRef>& group) {
  constexpr std::size_t kMaxCommitBytes = 1 << 20;
  std::vector<std::vector<MessageRef>> parts(1);
  std::size_t bytes = 0;
  for (const auto& message : group) {
    if (bytes >= kMaxCommitBytes) {
      parts.emplace_back();
      bytes = 0;
    }
    parts.back().push_back(message);
    bytes += message->size_bytes();
  }
  return parts;
}

// Commits until the slice is over.
template <class Log>
void run_slice(Log& log, const std::vector<MessageRef>& group, double slice_seconds, Tally& tally) {
  const auto parts = split(group);
  const double cpu = cpu_seconds();
  const std::uint64_t written = written_bytes();
  const auto begin = Clock::now();
  auto at = begin;
  do {
    const auto before = at;
    for (const auto& part : parts) log.commit(part);
    at = Clock::now();
    tally.longest_ms =
        std::max(tally.longest_ms, std::chrono::duration<double, std::milli>(at - before).count());
    tally.messages += group.size();
  } while (std::chrono::duration<double>(at - begin).count() < slice_seconds);
  tally.seconds += std::chrono::duration<double>(at - begin).count();
  tally.cpu += cpu_seconds() - cpu;
  tally.disk_bytes += written_bytes() - written;
}

void print(std::uint32_t group, std::size_t bytes, const Tally& raw, const Tally& journal,
           bool json) {
  const double ratio = journal.per_second() / raw.per_second();
  const double amplification = journal.disk_bytes_per_message() / static_cast<double>(bytes);
  if (json) {
    std::printf(
        "{\"workload\":\"ingest\",\"group\":%u,\"bytes\":%zu,\"raw_per_s\":%.0f,\"journal_per_s\":%"
        ".0f,\"ratio\":%.3f,"
        "\"raw_cpu_us\":%.2f,\"journal_cpu_us\":%.2f,\"journal_longest_ms\":%.1f,"
        "\"write_amplification\":%.2f}\n",
        group, bytes, raw.per_second(), journal.per_second(), ratio, raw.cpu_us(), journal.cpu_us(),
        journal.longest_ms, amplification);
  } else {
    std::printf("%8u %8zu %12.0f %12.0f %8.2f %10.2f %10.2f %10.1f %8.2f\n", group, bytes,
                raw.per_second(), journal.per_second(), ratio, raw.cpu_us(), journal.cpu_us(),
                journal.longest_ms, amplification);
  }
  std::fflush(stdout);
}

void run_group(const Settings& settings, std::uint32_t size, std::size_t bytes) {
  const auto directory = settings.directory / (std::to_string(size) + "x" + std::to_string(bytes));
  std::filesystem::create_directories(directory);
  RawLog raw_log(directory / "raw");
  JournalLog journal_log(directory / "journal");
  const auto group = make_group(size, bytes);
  constexpr int kSlices = 20;
  Tally raw, journal;
  for (int i = 0; i < kSlices; ++i) {
    run_slice(raw_log, group, settings.seconds / kSlices / 2, raw);
    run_slice(journal_log, group, settings.seconds / kSlices / 2, journal);
  }
  print(size, bytes, raw, journal, settings.json);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Ingest of the journal against a raw append + fdatasync log, interleaved.");
  app.add_option("--directory", settings.directory, "made, and removed at the end");
  app.add_option("--groups", settings.groups, "messages a commit")->delimiter(',');
  app.add_option("--sizes", settings.sizes, "payloads of messages, in bytes")->delimiter(',');
  app.add_option("--seconds", settings.seconds, "for each group and size");
  app.add_flag("--json", settings.json, "one object a line");
  CLI11_PARSE(app, argc, argv);
  if (std::filesystem::exists(settings.directory))
    give_up(settings.directory.string() + " exists already");
  if (!settings.json)
    std::printf("%8s %8s %12s %12s %8s %10s %10s %10s %8s\n", "group", "bytes", "raw msg/s",
                "journal", "ratio", "raw us", "journal us", "longest ms", "w. ampl.");
  for (const std::size_t bytes : settings.sizes)
    for (const std::uint32_t group : settings.groups) run_group(settings, group, bytes);
  std::filesystem::remove_all(settings.directory);
  return 0;
}
