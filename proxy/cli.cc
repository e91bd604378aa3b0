#include "proxy/cli.h"

#include <algorithm>
#include <array>
#include <optional>
#include <ostream>

#include <CLI/CLI.hpp>

#include "proxy/cli_admin.h"
#include "proxy/cli_completion.h"
#include "proxy/cli_journal.h"
#include "proxy/config_text.h"
#include "proxy/printable.h"

namespace proxy {
namespace {

using dispatch::Result;

constexpr int kOk = 0;
constexpr int kBadArguments = 2;

// --- sluice serve ---

struct ServeArgs {  // nothing: not given; an empty text was given and is wrong
  std::optional<std::string> config, listen, upstream, admin, data_dir, log_level;
  std::vector<std::string> queues;
};

void add_serve(CLI::App& app, ServeArgs& args) {
  app.add_option("--listen", args.listen, "where clients connect: mqtt://HOST:PORT");
  app.add_option("--upstream", args.upstream,
                 "the broker: mqtt:// or mqtts://HOST:PORT, ws:// or wss://HOST:PORT/PATH");
  app.add_option("--data-dir", args.data_dir, "where the journal is kept");
  app.add_option("--admin", args.admin, "the HTTP API: http://HOST:PORT or http+unix:///PATH");
  app.add_option("--config", args.config, "a TOML file; the command line goes over it");
  app.add_option("--queue", args.queues, "make a queue for this topic filter if none has it")
      ->allow_extra_args(false);
  app.add_option("--log-level", args.log_level, "trace, debug, info, warn, error or off");
}

Result<void> override_endpoint(Endpoint& endpoint, const std::string& flag,
                               const std::optional<std::string>& text, Role role) {
  if (!text) return {};
  auto parsed = parse_endpoint(*text, role);
  if (!parsed) return dispatch::invalid(flag + ": " + parsed.error().text);
  endpoint = *parsed;
  return {};
}

Result<void> check_queue_filter(const std::string& filter) {
  dispatch::QueueOptions options;
  options.filter = filter;
  options.name = dispatch::derive_queue_name(filter);
  if (auto checked = dispatch::check_options(options); !checked)
    return dispatch::invalid("--queue: " + checked.error().text);
  return {};
}

Result<ServeConfig> serve_config(const ServeArgs& args) {
  ServeConfig config;
  if (args.config)
    if (auto read = read_config(*args.config, config); !read) return read.error();
  const std::array<Result<void>, 3> endpoints = {
      override_endpoint(config.listen, "--listen", args.listen, Role::mqtt_listener),
      override_endpoint(config.upstream, "--upstream", args.upstream, Role::mqtt_peer),
      override_endpoint(config.admin, "--admin", args.admin, Role::admin_listener)};
  for (const Result<void>& result : endpoints)
    if (!result) return result.error();
  if (args.data_dir) config.data_dir = *args.data_dir;
  if (config.data_dir.empty())
    return dispatch::invalid(
        "no data directory: give --data-dir DIR, or data_dir in the config file");
  if (args.log_level) {
    if (auto checked = check_log_level(*args.log_level); !checked)
      return dispatch::invalid("--log-level: " + checked.error().text);
    config.log_level = *args.log_level;
  }
  for (const std::string& filter : args.queues)
    if (auto checked = check_queue_filter(filter); !checked) return checked.error();
  config.queue_filters = args.queues;
  return config;
}

// --- The whole ---

struct Cli {
  explicit Cli(const CliContext& given);
  int run(std::vector<std::string>& arguments);

 private:
  int perform();
  int serve();
  int check_config();
  int show_config();
  int parse_failed(const CLI::ParseError& error);
  int bad_arguments(const std::string& why);
  CLI::App* chosen();

  const CliContext& context;
  CLI::App app{"Durable queues in front of an MQTT broker", "sluice"};
  ServeArgs serve_args;
  std::string config_file;
  CLI::App *serve_app, *config_app, *show_config_app, *completion_app;
  AdminCommands admin_commands{app, context};
  JournalCommands journal_commands{app};
};

Cli::Cli(const CliContext& given) : context(given) {
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.require_subcommand(1);
  serve_app = app.add_subcommand("serve", "run the proxy");
  add_serve(*serve_app, serve_args);
  config_app = app.add_subcommand("config", "look at config files")->require_subcommand(1);
  config_app->add_subcommand("check", "say what is wrong with a file")
      ->add_option("FILE", config_file, "a TOML file")
      ->required();
  show_config_app = config_app->add_subcommand(
      "show", "print what a file comes to, every key with its value, as TOML");
  show_config_app->add_option("FILE", config_file, "a TOML file")->required();
  completion_app = app.add_subcommand("completion", "print a script that completes this command")
                       ->require_subcommand(1);
  completion_app->add_subcommand("bash", "for bash: eval \"$(sluice completion bash)\"");
}

int Cli::run(std::vector<std::string>& arguments) {
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    context.out << chosen()->help();
    return kOk;
  } catch (const CLI::CallForVersion&) {
    context.out << app.version() << "\n";
    return kOk;
  } catch (const CLI::ParseError& error) {
    return parse_failed(error);
  }
  return perform();
}

// The innermost command that was named.
CLI::App* Cli::chosen() {
  CLI::App* innermost = &app;
  while (!innermost->get_subcommands().empty()) innermost = innermost->get_subcommands().front();
  return innermost;
}

int Cli::parse_failed(const CLI::ParseError& error) {
  CLI::App* command = chosen();
  std::string path = command->get_name();
  for (const CLI::App* up = command->get_parent(); up != nullptr; up = up->get_parent())
    path.insert(0, up->get_name() + " ");
  std::string why = error.what();
  std::replace(why.begin(), why.end(), '\n', ' ');
  return bad_arguments(why + "; `" + path + " --help` says what it takes");
}

int Cli::bad_arguments(const std::string& why) {
  context.err << "sluice: " << printable(why) << "\n";
  return kBadArguments;
}

int Cli::perform() {
  if (serve_app->parsed()) return serve();
  if (show_config_app->parsed()) return show_config();
  if (config_app->parsed()) return check_config();
  if (completion_app->parsed()) {
    context.out << bash_completion(app);
    return kOk;
  }
  if (journal_commands.parsed()) return journal_commands.run(context.out, context.err);
  const Result<int> ran = admin_commands.run();
  return ran ? *ran : bad_arguments(ran.error().text);
}

int Cli::serve() {
  const Result<ServeConfig> config = serve_config(serve_args);
  return config ? context.serve(*config) : bad_arguments(config.error().text);
}

int Cli::check_config() {
  ServeConfig config;
  if (auto read = read_config(config_file, config); !read) return bad_arguments(read.error().text);
  const std::size_t queues = config.queues.size();
  context.out << config_file << ": ok, " << queues << (queues == 1 ? " queue\n" : " queues\n");
  return kOk;
}

int Cli::show_config() {
  ServeConfig config;
  if (auto read = read_config(config_file, config); !read) return bad_arguments(read.error().text);
  context.out << config_text(config);
  return kOk;
}

}  // namespace

int run_cli(std::vector<std::string> arguments, const CliContext& context) {
  return Cli(context).run(arguments);
}

}  // namespace proxy
