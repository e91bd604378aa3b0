#include "proxy/cli.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "tests/proxy/admin_fixture.h"

using proxy::ServeConfig;
using test::AdminServer;
using test::FakeApi;
using test::make_queue;

namespace {

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
  std::optional<ServeConfig> served;
};

Ran run(std::vector<std::string> arguments) {
  Ran ran;
  std::ostringstream out, err;
  ran.code = proxy::run_cli(std::move(arguments), {out, err, [&](const ServeConfig& config) {
                                                     ran.served = config;
                                                     return 0;
                                                   }});
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

// `sluice queue ...` against a server.
Ran queue(const AdminServer& server, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "queue");
  arguments.push_back("--admin");
  arguments.push_back(server.url());
  return run(std::move(arguments));
}

// One line that names the mend, and nothing on stdout.
void check_fails(const Ran& ran, int code, const std::string& line) {
  CHECK(ran.code == code);
  CHECK(ran.err == line + "\n");
  CHECK(ran.out == "");
  CHECK_FALSE(ran.served.has_value());
}

struct ConfigFile {
  explicit ConfigFile(std::string_view text) {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-cli-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
    path = folder / "sluice.toml";
    std::ofstream(path) << text;
  }
  ~ConfigFile() { std::filesystem::remove_all(folder); }
  std::filesystem::path folder, path;
};

struct AdminVariable {
  explicit AdminVariable(const std::string& value) { ::setenv("SLUICE_ADMIN", value.c_str(), 1); }
  ~AdminVariable() { ::unsetenv("SLUICE_ADMIN"); }
};

}  // namespace

TEST_CASE("serve gets what the command line says") {
  const Ran ran = run({"serve", "--listen", "mqtt://127.0.0.1:0", "--upstream", "mqtt://b",
                       "--data-dir", "/tmp/x", "--admin", "http://127.0.0.1:0", "--queue", "a/+",
                       "--queue", "b", "--log-level", "warn"});
  CHECK(ran.code == 0);
  CHECK(ran.err == "");
  REQUIRE(ran.served.has_value());
  CHECK(to_text(ran.served->listen) == "mqtt://127.0.0.1:0");
  CHECK(to_text(ran.served->upstream) == "mqtt://b:1883");
  CHECK(to_text(ran.served->admin) == "http://127.0.0.1:0");
  CHECK(ran.served->data_dir == "/tmp/x");
  CHECK(ran.served->log_level == "warn");
  CHECK(ran.served->queue_filters == std::vector<std::string>{"a/+", "b"});
}

TEST_CASE("the command line goes over the config file") {
  const ConfigFile file(
      "listen = \"mqtt://127.0.0.1:1\"\nupstream = \"mqtt://file:2\"\n"
      "data_dir = \"/file\"\n[[queue]]\nname = \"q\"\nfilter = \"q\"\n");
  const Ran ran = run({"serve", "--config", file.path, "--listen", "mqtt://127.0.0.1:3"});
  REQUIRE(ran.served.has_value());
  CHECK(ran.served->listen.port == 3);
  CHECK(ran.served->upstream.host == "file");
  CHECK(ran.served->data_dir == "/file");
  CHECK(ran.served->queues.size() == 1);
  CHECK(run({"serve", "--config", file.path, "--data-dir", "/line"}).served->data_dir == "/line");
}

TEST_CASE("SLUICE_ADMIN is for the commands, not for serve") {
  const AdminVariable variable("http://127.0.0.1:9");
  const Ran ran = run({"serve", "--data-dir", "/tmp/x"});
  REQUIRE(ran.served.has_value());
  CHECK(ran.served->admin.port == 8480);
}

TEST_CASE("wrong arguments of serve end with 2 and one line") {
  check_fails(run({"serve"}), 2,
              "sluice: no data directory: give --data-dir DIR, or data_dir in the config file");
  check_fails(run({"serve", "--data-dir", "d", "--listen", "mqtts://h"}), 2,
              "sluice: --listen: 'mqtts://h' asks for mqtts to clients, which is not built yet");
  check_fails(run({"serve", "--data-dir", "d", "--upstream", "mqtt://h:0"}), 2,
              "sluice: --upstream: 'mqtt://h:0' has port 0, which only a listener can have: takes "
              "1..65535");
  check_fails(run({"serve", "--data-dir", "d", "--admin", "mqtt://h"}), 2,
              "sluice: --admin: 'mqtt://h' is not http: takes http://HOST:PORT or "
              "http+unix:///PATH");
  check_fails(run({"serve", "--data-dir", "d", "--log-level", "loud"}), 2,
              "sluice: --log-level: 'loud' is no log level: takes trace, debug, info, warn, error "
              "or off");
  check_fails(run({"serve", "--data-dir", "d", "--config", "/no/file"}), 2,
              "sluice: /no/file: cannot be read: No such file or directory");
  check_fails(run({"serve", "--data-dir", "d", "extra"}), 2,
              "sluice: The following argument was not expected: extra; `sluice serve --help` says "
              "what it takes");
  const Ran filter = run({"serve", "--data-dir", "d", "--queue", "a/#/b"});
  CHECK(filter.code == 2);
  CHECK(filter.err.starts_with("sluice: --queue: "));
  CHECK(filter.err.find("a/#/b") != std::string::npos);
}

TEST_CASE("an address given as nothing is wrong, not left out") {
  for (const char* flag :
       {"--listen", "--upstream", "--admin", "--log-level", "--data-dir", "--config", "--queue"}) {
    CAPTURE(flag);
    CHECK(run({"serve", "--data-dir", "d", flag, ""}).code == 2);
  }
}

TEST_CASE("help and version go to stdout") {
  const Ran version = run({"--version"});
  CHECK(version.code == 0);
  CHECK(version.out == "sluice " SLUICE_VERSION "\n");
  CHECK(run({"--help"}).out.find("serve") != std::string::npos);
  const Ran create = run({"queue", "create", "--help"});
  CHECK(create.code == 0);
  for (const char* flag : {"--filter", "--dispatch", "--mode", "--last-value", "--key",
                           "--max-inflight", "--set", "--idempotent", "--json", "--admin"})
    CHECK(create.out.find(flag) != std::string::npos);
}

TEST_CASE("a command must be named") {
  check_fails(run({}), 2, "sluice: A subcommand is required; `sluice --help` says what it takes");
  check_fails(run({"queue"}), 2,
              "sluice: A subcommand is required; `sluice queue --help` says what it takes");
  CHECK(run({"quue"}).code == 2);
  CHECK(run({"queue", "creat"}).code == 2);
}

TEST_CASE("config check says ok, or where it is wrong") {
  const ConfigFile good("[[queue]]\nname = \"q\"\nfilter = \"q\"\n");
  const Ran ok = run({"config", "check", good.path});
  CHECK(ok.code == 0);
  CHECK(ok.out == good.path.string() + ": ok, 1 queue\n");
  const ConfigFile bad("\nlisten = 1\n");
  check_fails(run({"config", "check", bad.path}), 2,
              "sluice: " + bad.path.string() + ":2: listen: takes a string in quotes");
}

TEST_CASE("config show prints what a file comes to, or where it is wrong") {
  const ConfigFile good("[[queue]]\nname = \"q\"\nfilter = \"q/+\"\nmode = \"copy\"\n");
  const Ran shown = run({"config", "show", good.path});
  CHECK(shown.code == 0);
  CHECK(shown.out.find("receive_maximum = 1024\n") != std::string::npos);
  CHECK(shown.out.find("[[queue]]\nname = \"q\"\nfilter = \"q/+\"\nmode = \"copy\"\n") !=
        std::string::npos);
  const ConfigFile again(shown.out);
  CHECK(run({"config", "show", again.path}).out == shown.out);
  const ConfigFile bad("\nlisten = 1\n");
  check_fails(run({"config", "show", bad.path}), 2,
              "sluice: " + bad.path.string() + ":2: listen: takes a string in quotes");
}

TEST_CASE("queue create makes a queue of what the flags say") {
  AdminServer server;
  const Ran ran =
      queue(server, {"create", "q", "--filter", "a/+", "--dispatch", "round_robin", "--mode",
                     "copy", "--last-value", "--key", "topic:1,client_id", "--key",
                     "property:command_type", "--max-inflight", "5", "--set", "metadata=false"});
  CHECK(ran.err == "");
  CHECK(ran.code == 0);
  CHECK(ran.out == "created queue q\n");
  dispatch::QueueOptions made;
  server.on_core([&](FakeApi& api) { made = api.by_name.at("q").options; });
  CHECK(made.filter == "a/+");
  CHECK(made.dispatch == dispatch::Strategy::round_robin);
  CHECK(made.mode == dispatch::Mode::copy);
  CHECK(made.last_value);
  CHECK(made.key == std::vector<std::string>{"topic:1", "client_id", "property:command_type"});
  CHECK(made.max_inflight == 5);
  CHECK_FALSE(made.metadata);
}

TEST_CASE("queue create answers in JSON or not at all") {
  AdminServer server;
  const Ran json = queue(server, {"add", "a", "--filter", "a", "--json"});
  CHECK(json.code == 0);
  CHECK(json.out.starts_with(R"({"name":"a","filter":"a",)"));
  CHECK(json.out.ends_with("}\n"));
  const Ran quiet = queue(server, {"new", "b", "--filter", "b", "-q"});
  CHECK(quiet.code == 0);
  CHECK(quiet.out == "");
}

TEST_CASE("wrong definitions end with 2 before the server is asked") {
  const auto create = [](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"queue", "create", "q", "--admin", "http://127.0.0.1:1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(std::move(arguments));
  };
  check_fails(create({}), 2,
              "sluice: --filter is required; `sluice queue create --help` says what it takes");
  check_fails(create({"--filter", "a", "--mode", "both"}), 2,
              "sluice: option 'mode': 'both' is wrong; it takes divert or copy");
  check_fails(create({"--filter", "a", "--max-inflight", "0"}), 2,
              "sluice: option 'max_inflight': '0' is wrong; it takes 1..65535");
  check_fails(create({"--filter", "a", "--set", "per_topic=true"}), 2,
              "sluice: queue 'q': per_topic takes a filter with wildcards");
  check_fails(create({"--filter", "a", "--set", "moed=copy"}), 2,
              "sluice: unknown queue option 'moed' (did you mean 'mode'?)");
  check_fails(create({"--filter", "a", "--set", "mode"}), 2,
              "sluice: --set: 'mode' has no '='; it takes NAME=VALUE");
  check_fails(create({"--filter", "a", "--mode", "copy", "--set", "mode=copy"}), 2,
              "sluice: option 'mode' is given twice");
  CHECK(create({"--filter", "a/#/b"}).code == 2);
  CHECK(create({"--filter", ""}).code == 2);
  CHECK(create({"--filter", "$SYS/a"}).code == 2);
  CHECK(run({"queue", "create", "-bad-", "--filter", "a"}).code == 2);
  CHECK(run({"queue", "create", "a b", "--filter", "a"}).code == 2);
}

TEST_CASE("a queue that is there is a failure, unless it may be") {
  AdminServer server;
  const std::vector<std::string> create = {"create", "q", "--filter", "a"};
  const std::vector<std::string> again = {"create", "q", "--filter", "a", "--idempotent"};
  CHECK(queue(server, again).out == "created queue q\n");
  check_fails(queue(server, create), 1, "sluice: queue 'q' exists already");
  const Ran there = queue(server, again);
  CHECK(there.code == 0);
  CHECK(there.out == "queue q is there already\n");
  check_fails(queue(server, {"create", "q", "--filter", "b", "--idempotent"}), 1,
              "sluice: queue 'q' is there with another definition; `sluice queue show q` says "
              "which");
  check_fails(queue(server, {"create", "p", "--filter", "a", "--idempotent"}), 1,
              "sluice: queue 'q' has this filter already");
}

TEST_CASE("queue list is a table for people") {
  AdminServer server;
  CHECK(queue(server, {"list"}).out ==
        "NAME  FILTER  READY  IN-FLIGHT  DELAYED  DEAD  CONSUMERS  OLDEST  IN/S  OUT/S\n");
  dispatch::QueueStats images = make_queue("images", "images/+", 12, 3);
  images.consumers = 2;
  images.stored_total = 1000;
  images.ended[dispatch::index_of(dispatch::End::acked)] = 985;
  images.oldest_age_ms = 190'000;
  server.add_queue(images);
  server.add_queue(make_queue("b", "\xC3\xA4/\x1B[2J"));
  CHECK(
      queue(server, {"list"}).out ==
      "NAME    FILTER     READY  IN-FLIGHT  DELAYED  DEAD  CONSUMERS  OLDEST  IN/S  OUT/S\n"
      "b       \xC3\xA4/\\x1B[2J      0          0        0     0          0       -     -      -\n"
      "images  images/+      12          3        0     0          2   3m10s     -      -\n");
  CHECK(queue(server, {"list", "--columns", "name,acked,mode", "--limit", "1"}).out ==
        "NAME  ACKED  MODE\nb         0  divert\n");
  CHECK(queue(server, {"list", "--columns", "name,redy"}).code == 2);
  CHECK(queue(server, {"ls", "--names"}).out == "b\nimages\n");
  CHECK(queue(server, {"ls", "-n", "-q"}).out == "");
  const std::string bare = queue(server, {"list", "--no-headers"}).out;
  CHECK(bare.starts_with("b "));
  const std::string json = queue(server, {"list", "-j"}).out;
  CHECK(json.starts_with(R"([{"name":"b",)"));
  CHECK(json.ends_with("}]\n"));
}

TEST_CASE("queue show tells everything of one queue") {
  AdminServer server;
  dispatch::QueueStats stats = make_queue("q", "a/+", 1);
  stats.options.key = {"topic", "client_id"};
  stats.oldest_age_ms = 1500;
  server.add_queue(stats);
  const std::string text = queue(server, {"info", "q"}).out;
  CHECK(text.starts_with("name               q\nfilter             a/+\n"));
  CHECK(text.find("\nkey                topic, client_id\n") != std::string::npos);
  CHECK(text.find("\noldest_age_ms      1500 (1s)\n") != std::string::npos);
  const std::string json = queue(server, {"show", "q", "--json"}).out;
  for (const char* field :
       {"name", "filter", "mode", "dispatch", "ready", "in_flight", "consumers", "stored_total",
        "acked_total", "redelivered_total", "superseded_total", "oldest_age_ms"})
    CHECK(json.find("\"" + std::string(field) + "\":") != std::string::npos);
  check_fails(queue(server, {"show", "none"}), 1, "sluice: there is no queue 'none'");
  check_fails(queue(server, {"show", "a/b c"}), 1, "sluice: there is no queue 'a/b c'");
}

TEST_CASE("queue delete keeps what isn't empty") {
  AdminServer server;
  server.add_queue(make_queue("full", "a", 1));
  server.add_queue(make_queue("empty", "b"));
  check_fails(queue(server, {"delete", "full"}), 1,
              "sluice: queue 'full' holds 1 message (ready 1, in flight 0); force deletes them "
              "with it (--force)");
  CHECK(queue(server, {"rm", "full", "-f"}).out == "deleted queue full with 1 message\n");
  CHECK(queue(server, {"rm", "empty", "--if-empty"}).out == "deleted queue empty\n");
  check_fails(queue(server, {"rm", "empty"}), 1, "sluice: there is no queue 'empty'");
  const Ran gone = queue(server, {"rm", "empty", "--idempotent"});
  CHECK(gone.code == 0);
  CHECK(gone.out == "there is no queue empty\n");
  CHECK(queue(server, {"rm", "empty", "--idempotent", "--json"}).out ==
        "{\"name\":\"empty\",\"deleted_messages\":0,\"deleted_dead\":0}\n");
  CHECK(queue(server, {"rm", "x", "-f", "--if-empty"}).code == 2);
}

TEST_CASE("the environment says where the server is, the flag goes over it") {
  AdminServer server;
  server.add_queue(make_queue("q", "q"));
  const AdminVariable variable(server.url());
  CHECK(run({"queue", "ls", "-n"}).out == "q\n");
  CHECK(run({"queue", "ls", "-n", "--admin", "http://h:0"}).code == 2);
}

TEST_CASE("a server that can't be reached or refuses is exit code 1") {
  AdminServer server;
  const std::string url = server.url();
  server.on_core([](FakeApi& api) {
    api.journal = dispatch::Error{dispatch::ErrorKind::unavailable, "the journal is closed"};
  });
  check_fails(queue(server, {"create", "q", "--filter", "q"}), 1, "sluice: the journal is closed");
  server.stop_server();
  for (const std::vector<std::string>& command : {std::vector<std::string>{"list"},
                                                  {"show", "q"},
                                                  {"delete", "q"},
                                                  {"create", "q", "--filter", "q"}}) {
    const Ran ran = queue(server, command);
    CHECK(ran.code == 1);
    CHECK(ran.err.starts_with("sluice: cannot reach Sluice at " + url + ": "));
  }
}

TEST_CASE("a server that is slow is given up after the timeout") {
  AdminServer server;
  server.on_core([](FakeApi& api) { api.hold = true; });
  const Ran ran = queue(server, {"create", "q", "--filter", "q", "--timeout", "0.05"});
  CHECK(ran.code == 1);
  CHECK(ran.err.find("no answer within 50 ms") != std::string::npos);
  CHECK(queue(server, {"list", "--timeout", "0"}).code == 2);
  CHECK(queue(server, {"list", "--timeout", "soon"}).code == 2);
}

TEST_CASE("queue update changes what it is given, and nothing else") {
  AdminServer server;
  server.add_queue(make_queue("q", "a/+"));
  CHECK(queue(server, {"update", "q", "--mode", "copy", "--set", "max_inflight=9"}).out ==
        "updated queue q\n");
  server.on_core([](FakeApi& api) {
    const dispatch::QueueOptions& options = api.by_name.at("q").options;
    CHECK(options.mode == dispatch::Mode::copy);
    CHECK(options.max_inflight == 9);
    CHECK(options.filter == "a/+");
  });
  check_fails(queue(server, {"edit", "q", "--set", "filter=b"}), 2,
              "sluice: queue 'q': filter can't be changed");
  check_fails(queue(server, {"update", "none", "--mode", "copy"}), 1,
              "sluice: there is no queue 'none'");
  check_fails(queue(server, {"update", "q"}), 2,
              "sluice: nothing to change: give --set NAME=VALUE or another flag");
}

TEST_CASE("messages and dead letters are listed, shown, ended and brought back") {
  AdminServer server;
  dispatch::QueueStats stats = make_queue("q", "a/+", 2);
  stats.dead = 4;
  server.add_queue(stats);
  server.on_core([](FakeApi& api) {
    auto message = std::make_shared<dispatch::Message>();
    message->topic = "a/x";
    message->payload = std::string("\x00\xFF", 2);
    message->dead_letter = dispatch::DeadLetter{"max_deliveries", {}, dispatch::Offset{40}, 16};
    api.messages = {{dispatch::Offset{7}, message, {}}};
  });
  const auto sluice = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--admin", server.url()});
    return run(std::move(arguments));
  };
  CHECK(sluice({"dead", "list", "q"}).out ==
        "OFFSET  REASON          ATTEMPTS  DIED-AT                   SIZE  TOPIC  PAYLOAD\n"
        "     7  max_deliveries        16  1970-01-01T00:00:00.000Z    2B  a/x    base64:AP8=\n");
  CHECK(sluice({"message", "ls", "q", "--columns", "offset,topic", "--no-headers"}).out ==
        "7  a/x\n");
  CHECK(sluice({"message", "ls", "q", "--from", "8", "--no-headers"}).out == "");
  CHECK(sluice({"message", "show", "q", "7", "--payload"}).out == std::string("\x00\xFF", 2));
  CHECK(sluice({"dead", "info", "q", "7"}).out.find("\n  reason    max_deliveries\n") !=
        std::string::npos);
  check_fails(sluice({"dead", "show", "q", "6"}), 1,
              "sluice: queue 'q' has no dead letter with offset 6 that is not settled");
  CHECK(sluice({"dead", "redrive", "q"}).code == 2);
  CHECK(sluice({"dead", "redrive", "q", "1", "--all"}).code == 2);
  CHECK(sluice({"dead", "redrive", "q", "--all", "--dry-run"}).out ==
        "would redrive 4 dead letters of queue q\n");
  CHECK(sluice({"dead", "redrive", "q", "7"}).out == "redrove 1 dead letter of queue q\n");
  CHECK(sluice({"dead", "purge", "q"}).out == "purged 3 dead letters of queue q\n");
  CHECK(sluice({"queue", "purge", "q", "--dry-run"}).out == "would purge 2 messages of queue q\n");
  CHECK(sluice({"queue", "purge", "q", "--json"}).out == "{\"name\":\"q\",\"purged\":2}\n");
  check_fails(sluice({"dead", "list", "none"}), 1, "sluice: there is no queue 'none'");
}

TEST_CASE("consumer list tells who consumes") {
  AdminServer server;
  server.add_queue(make_queue("q", "a/+"));
  server.on_core([](FakeApi& api) {
    admin::ConsumerInfo info;
    info.client_id = "w";
    info.view.consumer = dispatch::ConsumerId{1};
    info.view.queue = "q";
    info.view.dead = true;
    info.view.group = "default";
    info.view.credit = 3;
    info.view.paused_ms = 800;
    info.idle_ms = 2000;
    api.current_consumers = {info};
  });
  CHECK(run({"consumer", "list", "q", "--admin", server.url()}).out ==
        "CLIENT  QUEUE             GROUP    IN-FLIGHT  CREDIT  PAUSED  IDLE\n"
        "w       q (dead letters)  default          0       3   800ms    2s\n");
}
