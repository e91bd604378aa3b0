#include <doctest/doctest.h>

#include <sstream>

#include <boost/json/parse.hpp>

#include "proxy/cli.h"
#include "proxy/journal_text.h"
#include "tests/proxy/admin_fixture.h"
#include "tests/support/storage_samples.h"

using namespace dispatch;
using namespace storage_samples;

namespace {

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

Ran journal(std::vector<std::string> arguments) {
  std::ostringstream out, err;
  arguments.insert(arguments.begin(), "journal");
  Ran ran;
  ran.code =
      proxy::run_cli(std::move(arguments), {out, err, [](const proxy::ServeConfig&) { return 0; }});
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void make_journal(const std::filesystem::path& directory) {
  auto opened = open_or_fail({directory});
  must(opened->commit(writes(define(1, "images", "images/+"), define_default_group(1),
                             define(2, "lights", "lights/+"), define_default_group(2))));
  must(opened->commit(writes(append(1, 1, message("images/a", "cat\nwith \xFF")),
                             append(2, 1, message("lights/a", "on")))));
  must(opened->commit(writes(settle(1, 1, 1))));
}

}  // namespace

TEST_CASE("journal check says what it looked at, and ends with 1 if something is wrong") {
  const ScratchDirectory scratch;
  const std::string directory = (scratch.path() / "data").string();
  make_journal(directory);
  const Ran ok = journal({"check", directory});
  CHECK(ok.code == 0);
  CHECK(has(ok.out, "ok: 2 queues, 3 commits, 1 message kept, "));
  CHECK(ok.err.empty());
  CHECK(journal({"check", directory, "--quiet"}).out.empty());
  const Ran in_json = journal({"check", directory, "--json"});
  CHECK(boost::json::parse(in_json.out).at("ok").as_bool());

  std::filesystem::remove_all(std::filesystem::path(directory) / "log");
  const Ran bad = journal({"check", directory});
  CHECK(bad.code == 1);
  CHECK(has(bad.out, "log/ is missing: restore a backup"));
  CHECK(has(bad.out, "1 found: "));
  const Ran none = journal({"check", (scratch.path() / "none").string()});
  CHECK(none.code == 1);
  CHECK(has(none.err, "none: holds no journal"));
  CHECK(journal({"check"}).code == 2);
}

TEST_CASE("journal dump shows queues and commits, to people and to programs") {
  const ScratchDirectory scratch;
  make_journal(scratch.path());
  const Ran all = journal({"dump", scratch.path().string()});
  CHECK(all.code == 0);
  CHECK(has(all.out, "queue q1 images images/+ next #2, 0 kept\n"));
  CHECK(has(all.out, "  group 1 default: settled below #2\n"));
  CHECK(has(all.out, "commit 2 20"));
  CHECK(has(all.out, "  append q1 #1 images/a 10 B by "));
  CHECK(has(all.out, "\"cat\\x0Awith \\xFF\"\n"));
  CHECK(has(all.out, "commit 3 20"));
  CHECK(has(all.out, "  settle q1.1 #1\n"));

  const Ran some = journal({"dump", scratch.path().string(), "--queue", "lights", "--from", "2"});
  CHECK(has(some.out, "append q2 #1 lights/a 2 B"));
  CHECK_FALSE(has(some.out, "images"));
  CHECK_FALSE(has(some.out, "commit 3"));
  CHECK(journal({"dump", scratch.path().string(), "--queue", "nope"}).code == 1);

  const Ran lines = journal({"dump", scratch.path().string(), "--json", "--payload", "--from", "2",
                             "--to", "2", "--queue", "lights"});
  std::istringstream stream(lines.out);
  std::string line;
  REQUIRE(std::getline(stream, line));
  CHECK(boost::json::parse(line).at("name").as_string() == "lights");
  REQUIRE(std::getline(stream, line));
  const auto commit = boost::json::parse(line);
  CHECK(commit.at("commit").as_int64() == 2);
  REQUIRE(commit.at("writes").as_array().size() == 1);
  CHECK(commit.at("writes").at(0).at("payload_base64").as_string() == "b24=");
  CHECK_FALSE(std::getline(stream, line));
}

TEST_CASE("journal dump, stats, check and restore know messages that were moved out of the log") {
  const ScratchDirectory scratch;
  const auto directory = scratch.path() / "data";
  {
    auto opened = open_or_fail({.directory = directory, .window_bytes = 5000});
    must(opened->commit(writes(define(1, "stuck", "stuck"), define_default_group(1),
                               define(2, "busy", "busy"), define_default_group(2))));
    must(opened->commit(writes(append(1, 1, message("stuck", "here")))));
    for (std::uint64_t offset = 1; offset <= 20; ++offset)
      must(opened->commit(writes(append(2, offset, message("busy", std::string(1000, 'b'))),
                                 settle(2, offset, offset))));
    while (opened->work().value()) continue;
    must(opened->checkpoint());
    REQUIRE(opened->stats().moved_messages == 1);
  }
  const Ran all = journal({"dump", directory.string(), "--from", "99"});
  CHECK(has(all.out, "moved q1 from #1 "));
  CHECK(has(all.out, "  append q1 #1 stuck 4 B by camera-1 \"here\"\n"));
  CHECK_FALSE(has(journal({"dump", directory.string(), "--queue", "busy"}).out, "moved"));
  const Ran lines = journal(
      {"dump", directory.string(), "--json", "--payload", "--from", "99", "--queue", "stuck"});
  std::istringstream stream(lines.out);
  std::string line;
  REQUIRE(std::getline(stream, line));
  REQUIRE(std::getline(stream, line));
  const auto block = boost::json::parse(line);
  CHECK(block.at("moved_queue").as_int64() == 1);
  CHECK(block.at("messages").at(0).at("payload_base64").as_string() == "aGVyZQ==");

  CHECK(has(journal({"stats", directory.string()}).out, "moved out of log   1 blocks, "));
  const auto figures = boost::json::parse(journal({"stats", directory.string(), "-j"}).out);
  CHECK(figures.at("spilled_blocks").as_int64() == 1);
  CHECK(figures.at("messages_kept").as_int64() == 1);

  const Ran check = journal({"check", directory.string()});
  CHECK(check.code == 0);
  CHECK(has(check.out, "1 message kept"));
  const auto copy = scratch.path() / "copy";
  CHECK(journal({"restore", directory.string(), copy.string()}).code == 0);
  CHECK(read_all(*open_or_fail({copy}), 1) == std::vector<Message>{*message("stuck", "here")});
}

TEST_CASE("journal dump shows mailboxes, and says in words how messages ended") {
  const ScratchDirectory scratch;
  {
    auto opened = open_or_fail({scratch.path()});
    must(opened->commit(writes(define_template(1, "lights", "lights/+"),
                               define_mailbox(2, 1, "lights/a"), define_default_group(2),
                               define_mailbox(3, 1, "lights/b"))));
    must(opened->commit(
        writes(append(2, 1, message("lights/a", "on")), append(2, 2, message("lights/a", "off")))));
    must(opened->commit(writes(dispatch::Settle{{2}, {1}, {1}, {1}, dispatch::End::purged}, drop(3),
                               dispatch::AddTotals{{1}, 7, {1, 2}})));
  }
  const std::string directory = scratch.path().string();
  const Ran text = journal({"dump", directory});
  CHECK(has(text.out, "queue q1 lights lights/+ next #1, 0 kept\n"));
  CHECK(has(text.out, "queue q2 lights/lights/a lights/a next #3, 1 kept\n"));
  CHECK(has(text.out, "  mailbox q2 of q1 lights/a\n"));
  CHECK(has(text.out, "  totals q1 stored 7 acked 1 superseded 2\n"));
  const Ran one = journal({"dump", directory, "--queue", "lights/lights/a", "--from", "2"});
  CHECK(has(one.out, "append q2 #2 lights/a 3 B"));
  CHECK_FALSE(has(one.out, "totals"));

  const Ran lines = journal({"dump", directory, "--json", "--from", "3"});
  const auto last =
      boost::json::parse(lines.out.substr(lines.out.rfind('\n', lines.out.size() - 2) + 1));
  const auto& all = last.at("writes").as_array();
  REQUIRE(all.size() == 3);
  CHECK(all[0].at("end").as_string() == "purged");
  CHECK(all[2].at("record").as_string() == "add_totals");
  CHECK(all[2].at("stored").as_int64() == 7);
  CHECK(all[2].at("ended").at("superseded").as_int64() == 2);
  const Ran first = journal({"dump", directory, "--json", "--to", "1"});
  CHECK(has(first.out, R"({"record":"define_mailbox","queue":2,"template":1,"topic":"lights/a"})"));
}

TEST_CASE("journal stats counts") {
  const ScratchDirectory scratch;
  make_journal(scratch.path());
  const Ran words = journal({"stats", scratch.path().string()});
  CHECK(words.code == 0);
  CHECK(has(words.out, "last commit        3\n"));
  const auto figures = boost::json::parse(journal({"stats", scratch.path().string(), "-j"}).out);
  CHECK(figures.at("queues").as_int64() == 2);
  CHECK(figures.at("messages_kept").as_int64() == 1);
}

TEST_CASE("journal backup asks the server, waits, and says where the copy is") {
  test::AdminServer server;
  const Ran done = journal({"backup", "/backups/../backups/monday/", "--admin", server.url()});
  CHECK(done.code == 0);
  CHECK(done.out == "backed up 100 B to /backups/monday\n");
  const auto told = boost::json::parse(
      journal({"backup", "/backups/monday", "--admin", server.url(), "--json"}).out);
  CHECK(told.at("state").as_string() == "done");

  server.on_core([](test::FakeApi& api) {
    api.journal = dispatch::Error{ErrorKind::exists, "/backups/monday is there already"};
  });
  const Ran refused = journal({"backup", "/backups/monday", "--admin", server.url()});
  CHECK(refused.code == 1);
  CHECK(refused.err == "sluice: /backups/monday is there already\n");
}

TEST_CASE("the API takes absolute paths for backups, and tells of the last one") {
  const test::AdminServer server;
  const auto post = [&](const char* body) {
    return test::status_of(
        server.exchange(test::http_request("POST", "/api/v1/journal/backup", body)));
  };
  const std::string look = test::http_request("GET", "/api/v1/journal/backup");
  CHECK(test::status_of(server.exchange(look)) == "404");
  CHECK(post(R"({"directory":"relative/path"})") == "400");
  CHECK(post(R"({"directory":""})") == "400");
  CHECK(post(R"({"directory":1})") == "400");
  CHECK(post(R"({})") == "400");
  CHECK(post(R"({"directory":"/b","more":1})") == "400");
  CHECK(post(R"({"directory":"/b"})") == "202");
  const auto seen = boost::json::parse(test::body_of(server.exchange(look)));
  CHECK(seen.at("directory").as_string() == "/b");
  CHECK(seen.at("total_bytes").as_int64() == 100);
}

TEST_CASE("journal restore makes a data directory of a sound backup, and of no other") {
  const ScratchDirectory scratch;
  const std::string backup = (scratch.path() / "backup").string();
  const std::string data = (scratch.path() / "data").string();
  make_journal(backup);
  const Ran done = journal({"restore", backup, data});
  CHECK(done.code == 0);
  CHECK(has(done.out, "restored 2 queues, 3 commits, 1 message kept, "));
  CHECK(journal({"check", data}).code == 0);
  const Ran again = journal({"restore", backup, data});
  CHECK(again.code == 1);
  CHECK(has(again.err, "data is there already"));
  std::filesystem::remove_all(std::filesystem::path(backup) / "log");
  const Ran damaged = journal({"restore", backup, (scratch.path() / "other").string()});
  CHECK(damaged.code == 1);
  CHECK(has(damaged.err, "is damaged: "));
  CHECK_FALSE(std::filesystem::exists(scratch.path() / "other"));
}

TEST_CASE("bytes are told in the unit that fits") {
  CHECK(proxy::human_bytes(0) == "0 B");
  CHECK(proxy::human_bytes(1023) == "1023 B");
  CHECK(proxy::human_bytes(1536) == "1.5 KiB");
  CHECK(proxy::human_bytes(100u << 20) == "100 MiB");
}
