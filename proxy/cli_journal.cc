#include "proxy/cli_journal.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <limits>
#include <ostream>
#include <thread>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

#include "proxy/admin/command_parts.h"
#include "proxy/cli_admin.h"
#include "proxy/endpoint.h"
#include "proxy/journal_text.h"
#include "proxy/printable.h"
#include "storage/check.h"
#include "storage/inspection.h"
#include "storage/journal_copy.h"

namespace proxy {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kBadArguments = 2;

constexpr std::chrono::milliseconds kLookAgain{200};
constexpr char kBackupTarget[] = "/api/v1/journal/backup";

int fail(std::ostream& err, const std::string& why, int code = kFailed) {
  err << "sluice: " << printable(why) << "\n";
  return code;
}

// One line on a terminal that is written over, and none elsewhere.
class Progress {
 public:
  explicit Progress(std::ostream& err) : err_(err), shown_(::isatty(STDERR_FILENO) != 0) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& line) {
    if (!shown_) return;
    err_ << "\r\033[K" << line << std::flush;
    dirty_ = true;
  }
  void clear() {
    if (dirty_) err_ << "\r\033[K" << std::flush;
    dirty_ = false;
  }

 private:
  std::ostream& err_;
  const bool shown_;
  bool dirty_ = false;
};

// [########            ]  40 %  410 MiB of 1.0 GiB
std::string bar(std::uint64_t done, std::uint64_t total) {
  constexpr std::uint64_t kWidth = 20;
  const std::uint64_t most = std::max<std::uint64_t>(total, 1);
  const std::uint64_t filled = std::min(kWidth, done * kWidth / most);
  return '[' + std::string(filled, '#') + std::string(kWidth - filled, ' ') + "] " +
         std::to_string(std::min<std::uint64_t>(100, done * 100 / most)) + " %  " +
         human_bytes(done) + " of " + human_bytes(total);
}

}  // namespace

struct JournalCommands::Args {
  CLI::App *group, *check, *dump, *stats, *backup, *restore;
  std::string admin = default_admin();
  double timeout_s = 10;
  std::string destination;
  std::string directory;
  std::string queue;
  std::uint64_t from = 1;
  std::uint64_t to = std::numeric_limits<std::uint64_t>::max();
  bool json = false;
  bool payload = false;
  bool quiet = false;

  int run_check(std::ostream& out, std::ostream& err) const;
  int run_dump(std::ostream& out, std::ostream& err) const;
  int run_stats(std::ostream& out, std::ostream& err) const;
  int run_backup(std::ostream& out, std::ostream& err) const;
  int run_restore(std::ostream& out, std::ostream& err) const;
  int wait_for_backup(admin::Client& client, std::ostream& out, std::ostream& err) const;

  CLI::App* add(const char* name, const char* about) {
    CLI::App* app = group->add_subcommand(name, about);
    app->add_option("DIR", directory, "a data directory that no sluice has open")->required();
    app->add_flag("-j,--json", json, "answer in JSON");
    return app;
  }

  void add_backup() {
    backup = group->add_subcommand("backup", "a copy of a running sluice's journal");
    backup->add_option("DEST", destination, "a directory on its machine that is not there yet")
        ->required();
    backup->add_option("--admin", admin, "where Sluice's HTTP API is; else SLUICE_ADMIN says")
        ->capture_default_str();
    backup->add_option("--timeout", timeout_s, "seconds to wait for each answer")
        ->check(CLI::Range(0.001, 3600.0))
        ->capture_default_str();
    restore = group->add_subcommand("restore", "a data directory of a backup");
    restore->add_option("BACKUP", directory, "a backup, or a data directory not in use")
        ->required();
    restore->add_option("DIR", destination, "a directory that is not there yet")->required();
    for (CLI::App* app : {backup, restore}) {
      app->add_flag("-j,--json", json, "answer in JSON");
      app->add_flag("-q,--quiet", quiet, "say nothing if it worked");
    }
  }
};

JournalCommands::JournalCommands(CLI::App& app) : args_(std::make_unique<Args>()) {
  args_->group = app.add_subcommand("journal", "look at what is on disk");
  args_->group->require_subcommand(1);
  args_->check = args_->add("check", "verify everything; a line a finding");
  args_->check->add_flag("-q,--quiet", args_->quiet, "say nothing if all is well");
  args_->dump = args_->add("dump", "every queue and every commit that is kept");
  args_->dump->add_option("--from", args_->from, "the first commit")->check(CLI::PositiveNumber);
  args_->dump->add_option("--to", args_->to, "the last commit")->check(CLI::PositiveNumber);
  args_->dump->add_option("--queue", args_->queue, "only this queue");
  args_->dump->add_flag("--payload", args_->payload, "payloads as a whole");
  args_->stats = args_->add("stats", "what it consists of, in numbers");
  args_->add_backup();
}

JournalCommands::~JournalCommands() = default;

bool JournalCommands::parsed() const { return args_->group->parsed(); }

int JournalCommands::run(std::ostream& out, std::ostream& err) {
  if (args_->check->parsed()) return args_->run_check(out, err);
  if (args_->dump->parsed()) return args_->run_dump(out, err);
  if (args_->backup->parsed()) return args_->run_backup(out, err);
  if (args_->restore->parsed()) return args_->run_restore(out, err);
  return args_->run_stats(out, err);
}

int JournalCommands::Args::run_check(std::ostream& out, std::ostream& err) const {
  Progress progress(err);
  const auto report = storage::check_journal(directory, nullptr, [&](std::uint64_t bytes) {
    progress.show("read " + human_bytes(bytes));
  });
  progress.clear();
  if (!report) return fail(err, report.error().text);
  const int code = report->ok() ? kOk : kFailed;
  if (json) {
    out << boost::json::serialize(report_json(*report)) << "\n";
    return code;
  }
  for (const auto& line : report->findings) out << printable(line) << "\n";
  const std::uint64_t untold = report->problems - report->findings.size();
  if (untold > 0) out << "and " << untold << " more\n";
  if (report->ok() && quiet) return code;
  out << (report->ok() ? "ok: " : std::to_string(report->problems) + " found: ")
      << report_text(*report) << "\n";
  return code;
}

int JournalCommands::Args::run_dump(std::ostream& out, std::ostream& err) const {
  const auto journal = storage::Inspection::open(directory);
  if (!journal) return fail(err, journal.error().text);
  CommitFormat format{{}, payload};
  for (const auto& [id, state] : (*journal)->states().queues)
    if (state.name() == queue) format.queue = id;
  if (!queue.empty() && !format.queue) return fail(err, "there is no queue '" + queue + "'");
  for (const auto& [id, state] : (*journal)->states().queues) {
    if (format.queue && id != format.queue) continue;
    if (json)
      out << boost::json::serialize(queue_json(state)) << "\n";
    else
      out << queue_text(state);
  }
  const auto moved = (*journal)->each_spilled([&](const storage::SpilledView& block) {
    if (!json) {
      out << spilled_text(block, format);
    } else if (const auto object = spilled_json(block, format); !object.empty()) {
      out << boost::json::serialize(object) << "\n";
    }
    return out.good();
  });
  if (!moved) return fail(err, moved.error().text);
  const auto done = (*journal)->each_commit(from, to, [&](const storage::CommitView& commit) {
    if (!json) {
      out << commit_text(commit, format);
    } else if (const auto object = commit_json(commit, format); !object.empty()) {
      out << boost::json::serialize(object) << "\n";
    }
    return out.good();
  });
  return done ? kOk : fail(err, done.error().text);
}

int JournalCommands::Args::run_stats(std::ostream& out, std::ostream& err) const {
  const auto journal = storage::Inspection::open(directory);
  if (!journal) return fail(err, journal.error().text);
  const auto figures = (*journal)->figures();
  if (json)
    out << boost::json::serialize(figures_json(figures)) << "\n";
  else
    out << figures_text(figures);
  return kOk;
}

int JournalCommands::Args::run_backup(std::ostream& out, std::ostream& err) const {
  const auto endpoint = parse_endpoint(admin, Role::admin_peer);
  if (!endpoint) return fail(err, "--admin: " + endpoint.error().text, kBadArguments);
  const std::chrono::duration<double> timeout(timeout_s);
  admin::Client client(*endpoint, std::chrono::duration_cast<std::chrono::milliseconds>(timeout));
  boost::json::object body;
  body["directory"] = std::filesystem::absolute(destination).lexically_normal().string();
  const auto begun =
      client.request(boost::beast::http::verb::post, kBackupTarget, boost::json::serialize(body));
  if (!begun) return fail(err, begun.error().text);
  if (!begun->ok()) return admin::refused({out, err}, *begun);
  return wait_for_backup(client, out, err);
}

// The server makes it, also if nobody waits for it.
int JournalCommands::Args::wait_for_backup(admin::Client& client, std::ostream& out,
                                           std::ostream& err) const {
  Progress progress(err);
  for (;;) {
    const auto answer = client.request(boost::beast::http::verb::get, kBackupTarget);
    if (!answer) return fail(err, answer.error().text);
    const auto* state = answer->body.if_object();
    if (!answer->ok() || state == nullptr) return admin::refused({out, err}, *answer);
    const std::string where = admin::text_in(*state, "state");
    const std::uint64_t copied = admin::number_in(*state, "copied_bytes");
    if (where == "running") {
      progress.show(bar(copied, admin::number_in(*state, "total_bytes")));
      std::this_thread::sleep_for(kLookAgain);
      continue;
    }
    progress.clear();
    if (where != "done") return fail(err, "backup: " + admin::text_in(*state, "failure"));
    return admin::say({json, quiet}, {out, err}, answer->body,
                      "backed up " + human_bytes(copied) + " to " +
                          printable(admin::text_in(*state, "directory")) + "\n");
  }
}

int JournalCommands::Args::run_restore(std::ostream& out, std::ostream& err) const {
  Progress progress(err);
  const auto report = storage::check_journal(directory, nullptr, [&](std::uint64_t bytes) {
    progress.show("checking: read " + human_bytes(bytes));
  });
  progress.clear();
  if (!report) return fail(err, report.error().text);
  if (!report->ok())
    return fail(err, directory + " is damaged: " + report->findings.front() +
                         "; `sluice journal check` says all");
  std::uint64_t copied = 0;
  const auto done =
      storage::copy_journal(directory, std::filesystem::absolute(destination).lexically_normal(),
                            [&](const storage::CopyProgress& at) {
                              copied = at.copied_bytes;
                              progress.show(bar(at.copied_bytes, at.total_bytes));
                            });
  progress.clear();
  if (!done) return fail(err, done.error().text);
  boost::json::object body = report_json(*report);
  body["directory"] = destination;
  body["copied_bytes"] = copied;
  return admin::say({json, quiet}, {out, err}, body,
                    "restored " + report_text(*report) + " to " + printable(destination) + "\n");
}

}  // namespace proxy
