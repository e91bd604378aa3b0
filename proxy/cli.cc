#include "proxy/cli.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <ostream>

#include <CLI/CLI.hpp>

#include "proxy/admin/client.h"
#include "proxy/admin/commands.h"
#include "proxy/nearest.h"
#include "proxy/option_value.h"
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
  app.add_option("--upstream", args.upstream, "the broker: mqtt://HOST:PORT");
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

// --- sluice queue ... ---

// Not CLI11's envname(): an option of a subcommand that wasn't named would take it over the flag.
std::string default_admin() {
  const char* variable = std::getenv("SLUICE_ADMIN");
  return variable != nullptr && *variable != '\0' ? variable : "http://127.0.0.1:8480";
}

struct QueueArgs {
  std::string admin = default_admin();
  double timeout_s = 10;
  admin::Answers answers;
  std::string name;
  std::string filter;
  std::optional<std::string> dispatch, mode, max_inflight;
  std::vector<std::string> key, set;
  bool last_value = false;
  bool idempotent = false;
  bool force = false;
  bool if_empty = false;
  bool names = false;
  bool no_headers = false;
};

void add_common(CLI::App& app, QueueArgs& args) {
  app.add_option("--admin", args.admin, "where Sluice's HTTP API is; else SLUICE_ADMIN says")
      ->capture_default_str();
  app.add_option("--timeout", args.timeout_s, "seconds to wait for an answer")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();
  app.add_flag("-j,--json", args.answers.json, "answer in JSON");
  app.add_flag("-q,--quiet", args.answers.quiet, "say nothing if it worked");
}

CLI::App* add_create(CLI::App& queue, QueueArgs& args) {
  CLI::App* app = queue.add_subcommand("create", "make a queue")->alias("add")->alias("new");
  app->add_option("NAME", args.name, "letters, digits and . _ -")->required();
  app->add_option("--filter", args.filter, "which topics it stores")->required();
  app->add_option("--dispatch", args.dispatch, "least_inflight, round_robin or random");
  app->add_option("--mode", args.mode, "divert (keep from the broker) or copy");
  app->add_flag("--last-value", args.last_value, "keep only the newest message of each key");
  app->add_option("--key", args.key, "what makes messages be about the same thing; repeatable")
      ->allow_extra_args(false);
  app->add_option("--max-inflight", args.max_inflight, "unsettled messages per consumer");
  app->add_option("--set", args.set, "any option of docs/configuration.md as NAME=VALUE")
      ->allow_extra_args(false);
  app->add_flag("--idempotent", args.idempotent, "fine if it is there with this definition");
  add_common(*app, args);
  return app;
}

CLI::App* add_list(CLI::App& queue, QueueArgs& args) {
  CLI::App* app = queue.add_subcommand("list", "all queues, in a table")->alias("ls");
  app->add_flag("-n,--names", args.names, "names only, a line each");
  app->add_flag("--no-headers", args.no_headers, "leave out the first line");
  add_common(*app, args);
  return app;
}

CLI::App* add_show(CLI::App& queue, QueueArgs& args) {
  CLI::App* app = queue.add_subcommand("show", "one queue, everything")->alias("info");
  app->add_option("NAME", args.name, "which queue")->required();
  add_common(*app, args);
  return app;
}

CLI::App* add_delete(CLI::App& queue, QueueArgs& args) {
  CLI::App* app = queue.add_subcommand("delete", "remove an empty queue")->alias("rm");
  app->add_option("NAME", args.name, "which queue")->required();
  CLI::Option* force = app->add_flag("-f,--force", args.force, "remove it with its messages");
  app->add_flag("--if-empty", args.if_empty, "only if it is empty (the default)")->excludes(force);
  app->add_flag("--idempotent", args.idempotent, "fine if there is none");
  add_common(*app, args);
  return app;
}

// The options that the flags give, in the text form of the option table.
Result<std::vector<dispatch::OptionText>> given_options(const QueueArgs& args) {
  std::vector<dispatch::OptionText> given = {{"name", args.name}, {"filter", args.filter}};
  if (args.dispatch) given.emplace_back("dispatch", *args.dispatch);
  if (args.mode) given.emplace_back("mode", *args.mode);
  if (args.last_value) given.emplace_back("last_value", "true");
  if (args.max_inflight) given.emplace_back("max_inflight", *args.max_inflight);
  std::string key;
  for (const std::string& selector : args.key) key += (key.empty() ? "" : ",") + selector;
  if (!args.key.empty()) given.emplace_back("key", key);
  for (const std::string& pair : args.set) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return dispatch::invalid("--set: '" + pair + "' has no '='; it takes NAME=VALUE");
    given.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return given;
}

Result<admin::CreateQueue> create_request(const QueueArgs& args) {
  const auto given = given_options(args);
  if (!given) return given.error();
  admin::CreateQueue request;
  request.idempotent = args.idempotent;
  for (const auto& [name, value] : *given) {
    if (std::find(request.given.begin(), request.given.end(), name) != request.given.end())
      return dispatch::invalid("option '" + name + "' is given twice");
    if (auto set = set_option_text(request.options, name, value); !set) return set.error();
    request.given.push_back(name);
  }
  if (auto checked = dispatch::check_options(request.options); !checked) return checked.error();
  return request;
}

// --- The whole ---

struct Cli {
  explicit Cli(const CliContext& given);
  int run(std::vector<std::string>& arguments);

 private:
  int perform();
  int serve();
  int queue_command();
  int check_config();
  int parse_failed(const CLI::ParseError& error);
  int bad_arguments(const std::string& why);
  CLI::App* chosen();

  const CliContext& context;
  CLI::App app{"Durable queues in front of an MQTT broker", "sluice"};
  ServeArgs serve_args;
  QueueArgs queue_args;
  std::string config_file;
  CLI::App *serve_app, *queue_app, *create_app, *list_app, *show_app, *delete_app, *config_app;
};

Cli::Cli(const CliContext& given) : context(given) {
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.require_subcommand(1);
  serve_app = app.add_subcommand("serve", "run the proxy");
  add_serve(*serve_app, serve_args);
  queue_app = app.add_subcommand("queue", "make, look at and remove queues");
  queue_app->require_subcommand(1);
  create_app = add_create(*queue_app, queue_args);
  list_app = add_list(*queue_app, queue_args);
  show_app = add_show(*queue_app, queue_args);
  delete_app = add_delete(*queue_app, queue_args);
  config_app = app.add_subcommand("config", "look at config files")->require_subcommand(1);
  config_app->add_subcommand("check", "say what is wrong with a file")
      ->add_option("FILE", config_file, "a TOML file")
      ->required();
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
  if (config_app->parsed()) return check_config();
  return queue_command();
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

int Cli::queue_command() {
  const auto endpoint = parse_endpoint(queue_args.admin, Role::admin_peer);
  if (!endpoint) return bad_arguments("--admin: " + endpoint.error().text);
  const std::chrono::duration<double> timeout(queue_args.timeout_s);
  admin::Client client(*endpoint, std::chrono::duration_cast<std::chrono::milliseconds>(timeout));
  const admin::Output output{context.out, context.err};
  const admin::Answers answers = queue_args.answers;
  if (list_app->parsed())
    return admin::list_queues(client, {queue_args.names, !queue_args.no_headers}, answers, output);
  if (show_app->parsed()) return admin::show_queue(client, queue_args.name, answers, output);
  if (delete_app->parsed())
    return admin::delete_queue(client, {queue_args.name, queue_args.force, queue_args.idempotent},
                               answers, output);
  const auto request = create_request(queue_args);
  if (!request) return bad_arguments(request.error().text);
  return admin::create_queue(client, *request, answers, output);
}

}  // namespace

int run_cli(std::vector<std::string> arguments, const CliContext& context) {
  return Cli(context).run(arguments);
}

}  // namespace proxy
