#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "storage/journal.h"

// The journal with many messages or many queues in it: how fast a backlog comes in and goes out,
// how fast both at once with a consumer some way behind or with messages that stay, what it costs
// in memory and on disk, and how long a start takes until the first message can be read. One JSON
// object a line.

namespace {

using namespace dispatch;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr std::uint32_t kReadMessages = 1024;
constexpr std::uint64_t kReadBytes = 1u << 20;

struct Settings {
  fs::path directory = "bench_backlog.tmp";
  std::uint64_t messages = 1'000'000;
  std::vector<std::uint64_t> behind = {0, 100'000};
  std::uint64_t steady = 1'000'000;
  std::uint64_t stuck = 1'000'000;
  std::uint32_t queues = 100'000;
  std::size_t message_bytes = 256;
  std::uint32_t group = 256;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_backlog: %s\n", why.c_str());
  std::exit(1);
}

template <class T>
T must(Result<T>&& result) {
  if (!result) give_up(result.error().text);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// "RssAnon" of /proc/self/status, in MiB.
double memory_mib() {
  std::ifstream status("/proc/self/status");
  std::string name, unit;
  for (std::uint64_t value = 0; status >> name;) {
    if (name == "RssAnon:" && status >> value) return static_cast<double>(value) / 1024;
    std::getline(status, unit);
  }
  return 0;
}

double disk_mib(const fs::path& directory) {
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    struct stat about {};
    if (::lstat(entry.path().c_str(), &about) == 0)
      bytes += static_cast<std::uint64_t>(about.st_blocks) * 512;
  }
  return static_cast<double>(bytes) / (1u << 20);
}

class Bench {
 public:
  Bench(const Settings& settings, const fs::path& directory)
      : settings_(settings), directory_(directory) {
    auto message = std::make_shared<Message>();
    message->topic = "bench/1";
    message->payload.assign(settings.message_bytes, 'x');
    message->publisher = "bench";
    message_ = std::move(message);
    open();
  }

  void open() { journal_ = must(storage::Journal::open({directory_})); }
  void close(bool orderly) {
    if (orderly) must(journal_->checkpoint());
    journal_.reset();
  }

  void define(std::uint32_t queue) {
    QueueOptions options;
    options.name = options.filter = "bench" + std::to_string(queue);
    writes_.emplace_back(DefineQueue{QueueId{queue}, options});
    writes_.emplace_back(DefineGroup{QueueId{queue}, GroupId{1}, "default", Offset{1}});
  }
  void append(std::uint32_t queue, std::uint64_t offset) {
    writes_.emplace_back(Append{QueueId{queue}, Offset{offset}, message_, {}, size()});
  }
  void commit() {
    const auto begin = Clock::now();
    must(journal_->commit(writes_));
    writes_.clear();
    longest_commit_s_ = std::max(longest_commit_s_, seconds_since(begin));
    must(journal_->work());
    longest_s_ = std::max(longest_s_, seconds_since(begin));
  }

  void append_group() {
    for (std::uint32_t i = 0; i < settings_.group; ++i) append(1, next_++);
  }
  // What a consumer reads and settles; `from_memory` when it is right behind and needs no reading.
  void settle_group(bool from_memory) {
    const std::uint64_t last = std::min(settled_ + settings_.group, next_ - 1);
    while (!from_memory && read_ < last) {
      const auto found = must(
          journal_->read(QueueId{1}, Offset{read_ + 1}, Offset{next_}, kReadMessages, kReadBytes));
      if (found.empty()) give_up("messages are missing");
      read_ = found.back().offset.value;
    }
    if (from_memory) read_ = last;
    settle(settled_ + 1, last);
    settled_ = last;
  }
  void settle(std::uint64_t first, std::uint64_t last) {
    writes_.emplace_back(Settle{QueueId{1}, GroupId{1}, Offset{first}, Offset{last}, End::acked,
                                (last - first + 1) * size()});
  }
  // A consumer right behind settles the last group but for its first message.
  void settle_all_but_one() { settle(next_ - settings_.group + 1, next_ - 1); }
  void drain() {
    while (settled_ + 1 < next_) {
      settle_group(false);
      commit();
    }
  }
  void finish_work() {
    while (must(journal_->work())) {
    }
  }
  // Opens it again, as after a kill, and reads the first message.
  double restart_s(std::uint32_t queue, std::uint64_t first) {
    close(false);
    const auto begin = Clock::now();
    open();
    if (must(journal_->read(QueueId{queue}, Offset{first}, Offset{first + 1}, 1, 1)).empty())
      give_up("the first message is not there");
    return seconds_since(begin);
  }

  std::uint32_t size() const { return static_cast<std::uint32_t>(message_->size_bytes()); }
  storage::JournalStats stats() const { return journal_->stats(); }
  std::uint64_t next() const { return next_; }
  std::uint64_t settled() const { return settled_; }
  // Of commit and work together, and of commit alone.
  double take_longest_ms() { return std::exchange(longest_s_, 0) * 1000; }
  double take_longest_commit_ms() { return std::exchange(longest_commit_s_, 0) * 1000; }

 private:
  const Settings& settings_;
  const fs::path directory_;
  MessageRef message_;
  std::unique_ptr<storage::Journal> journal_;
  std::vector<Write> writes_;
  std::uint64_t next_ = 1, settled_ = 0, read_ = 0;
  double longest_s_ = 0, longest_commit_s_ = 0;
};

void run_backlog(const Settings& settings, const fs::path& directory) {
  Bench bench(settings, directory);
  bench.define(1);
  auto begin = Clock::now();
  while (bench.next() <= settings.messages) {
    bench.append_group();
    bench.commit();
  }
  const double count = static_cast<double>(bench.next() - 1);
  const double in = count / seconds_since(begin), in_longest = bench.take_longest_ms();
  const double full_mib = disk_mib(directory), full_memory = memory_mib();
  const double restart = bench.restart_s(1, 1);
  begin = Clock::now();
  bench.drain();
  const double out = count / seconds_since(begin), out_longest = bench.take_longest_ms();
  const double memory = memory_mib();
  bench.finish_work();
  bench.close(true);
  std::printf(
      "{\"workload\":\"backlog\",\"messages\":%.0f,\"in_per_s\":%.0f,\"in_longest_ms\":%.0f,"
      "\"rss_anon_mib\":%.0f,\"disk_mib\":%.0f,\"restart_s\":%.3f,\"out_per_s\":%.0f,"
      "\"out_longest_ms\":%.0f,\"rss_anon_drained_mib\":%.0f,\"disk_drained_mib\":%.0f}\n",
      count, in, in_longest, full_memory, full_mib, restart, out, out_longest, memory,
      disk_mib(directory));
  std::fflush(stdout);
}

void run_steady(const Settings& settings, std::uint64_t behind, const fs::path& directory) {
  Bench bench(settings, directory);
  bench.define(1);
  while (bench.next() <= behind + settings.group) {
    bench.append_group();
    bench.commit();
  }
  bench.take_longest_ms();
  bench.take_longest_commit_ms();
  const auto begin = Clock::now();
  const std::uint64_t end = bench.settled() + settings.steady;
  while (bench.settled() < end) {
    bench.append_group();
    bench.settle_group(behind == 0);
    bench.commit();
  }
  std::printf(
      "{\"workload\":\"steady\",\"behind\":%llu,\"messages\":%llu,\"per_s\":%.0f,"
      "\"longest_ms\":%.0f,\"longest_commit_ms\":%.0f,\"rss_anon_mib\":%.0f,\"disk_mib\":%.0f}\n",
      static_cast<unsigned long long>(behind), static_cast<unsigned long long>(settings.steady),
      static_cast<double>(settings.steady) / seconds_since(begin), bench.take_longest_ms(),
      bench.take_longest_commit_ms(), memory_mib(), disk_mib(directory));
  std::fflush(stdout);
}

void run_queues(const Settings& settings, const fs::path& directory) {
  Bench bench(settings, directory);
  for (std::uint32_t queue = 1; queue <= settings.queues; ++queue) {
    bench.define(queue);
    bench.append(queue, 1);
    if (queue % settings.group == 0 || queue == settings.queues) bench.commit();
  }
  const double killed = bench.restart_s(settings.queues, 1);
  bench.close(true);
  bench.open();
  const double restart = bench.restart_s(settings.queues, 1);
  std::printf(
      "{\"workload\":\"queues\",\"queues\":%u,\"restart_after_kill_s\":%.3f,"
      "\"restart_after_checkpoint_s\":%.3f,\"rss_anon_mib\":%.0f,\"disk_mib\":%.0f}\n",
      settings.queues, killed, restart, memory_mib(), disk_mib(directory));
  std::fflush(stdout);
}

// One message of each group stays, the others are settled at once: what is left must be moved out
// of the log.
void run_stuck(const Settings& settings, const fs::path& directory) {
  Bench bench(settings, directory);
  bench.define(1);
  const auto begin = Clock::now();
  while (bench.next() <= settings.stuck) {
    bench.append_group();
    bench.commit();
    bench.settle_all_but_one();
  }
  const double seconds = seconds_since(begin), longest = bench.take_longest_ms();
  const auto moved = bench.stats().moved_messages;
  bench.finish_work();
  std::printf(
      "{\"workload\":\"stuck\",\"messages\":%llu,\"one_in\":%u,\"per_s\":%.0f,\"longest_ms\":%.0f,"
      "\"moved\":%llu,\"rss_anon_mib\":%.0f,\"disk_mib\":%.0f,\"restart_s\":%.3f}\n",
      static_cast<unsigned long long>(settings.stuck), settings.group,
      static_cast<double>(settings.stuck) / seconds, longest,
      static_cast<unsigned long long>(moved), memory_mib(), disk_mib(directory),
      bench.restart_s(1, 1));
  std::fflush(stdout);
}

// In a process of its own: what a process has once used, it keeps.
template <class Work>
void run_apart(Work&& work) {
  const ::pid_t child = ::fork();
  if (child < 0) give_up("can't fork");
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child || status != 0) give_up("a workload failed");
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("The journal with a backlog, with a consumer some way behind, with many queues.");
  app.add_option("--directory", settings.directory, "made, and removed at the end");
  app.add_option("--messages", settings.messages, "of the backlog; 0 leaves it out");
  app.add_option("--behind", settings.behind, "how far the consumer is behind")->delimiter(',');
  app.add_option("--steady", settings.steady, "messages of each steady state; 0 leaves them out");
  app.add_option("--stuck", settings.stuck,
                 "messages of which the first of each commit stays; 0 leaves them out");
  app.add_option("--queues", settings.queues, "queues, a message each; 0 leaves them out");
  app.add_option("--bytes", settings.message_bytes, "payload of a message");
  app.add_option("--group", settings.group, "messages a commit")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  if (fs::exists(settings.directory)) give_up(settings.directory.string() + " exists already");
  fs::create_directories(settings.directory);
  const fs::path& directory = settings.directory;
  if (settings.queues > 0) run_apart([&] { run_queues(settings, directory / "queues"); });
  if (settings.steady > 0)
    for (const std::uint64_t behind : settings.behind) {
      const auto name = "behind" + std::to_string(behind);
      run_apart([&] { run_steady(settings, behind, directory / name); });
      fs::remove_all(directory / name);
    }
  if (settings.stuck > 0) run_apart([&] { run_stuck(settings, directory / "stuck"); });
  if (settings.messages > 0) run_apart([&] { run_backlog(settings, directory / "backlog"); });
  fs::remove_all(settings.directory);
  return 0;
}
