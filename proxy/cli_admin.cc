#include "proxy/cli_admin.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "proxy/admin/commands_group.h"
#include "proxy/admin/commands_message.h"
#include "proxy/admin/commands_top.h"
#include "proxy/option_value.h"

namespace proxy {

using dispatch::Result;

// One command is parsed in a run, so they share the places for what their flags say.
struct AdminCommands::Arguments {
  std::string admin;
  double timeout_s = 10;
  admin::Answers answers;
  std::string name;
  std::optional<std::string> filter, dispatch, mode, max_inflight;
  std::vector<std::string> key, set;
  bool last_value = false;
  bool idempotent = false;
  bool force = false;
  bool if_empty = false;
  bool no_headers = false;
  admin::ListThings list;
  std::uint64_t offset = 1;
  std::vector<std::uint64_t> offsets;
  bool all = false;
  bool payload = false;
  bool dry_run = false;
  std::string group;
  std::string from = "earliest";
  std::string topic;
  bool producing = false;
  bool consuming = false;
  admin::Top top;
  bool once = false;
  double every_s = 1;
};

namespace {

struct Definition {
  dispatch::QueueOptions options;
  std::vector<std::string> given;
};

Result<void> define(Definition& definition, const std::string& name, const std::string& value) {
  auto& given = definition.given;
  if (std::find(given.begin(), given.end(), name) != given.end())
    return dispatch::invalid("option '" + name + "' is given twice");
  if (auto set = set_option_text(definition.options, name, value); !set) return set;
  given.push_back(name);
  return {};
}

}  // namespace

// Not CLI11's envname(): an option of a subcommand that wasn't named would take it over the flag.
std::string default_admin() {
  const char* variable = std::getenv("SLUICE_ADMIN");
  return variable != nullptr && *variable != '\0' ? variable : "http://127.0.0.1:8480";
}

// The options that the flags give. A template, because AdminCommands::Arguments is private.
template <class Arguments>
static Result<Definition> definition_of(const Arguments& args) {
  std::vector<dispatch::OptionText> texts;
  if (args.filter) texts.emplace_back("filter", *args.filter);
  if (args.dispatch) texts.emplace_back("dispatch", *args.dispatch);
  if (args.mode) texts.emplace_back("mode", *args.mode);
  if (args.last_value) texts.emplace_back("last_value", "true");
  if (args.max_inflight) texts.emplace_back("max_inflight", *args.max_inflight);
  std::string key;
  for (const std::string& selector : args.key) {
    if (!key.empty()) key += ",";
    key += selector;
  }
  if (!args.key.empty()) texts.emplace_back("key", key);
  for (const std::string& pair : args.set) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return dispatch::invalid("--set: '" + pair + "' has no '='; it takes NAME=VALUE");
    texts.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  Definition definition;
  for (const auto& [name, value] : texts)
    if (auto defined = define(definition, name, value); !defined) return defined.error();
  return definition;
}

AdminCommands::AdminCommands(CLI::App& app, const CliContext& context)
    : context_(context), args_(std::make_shared<Arguments>()) {
  args_->admin = default_admin();
  const auto group = [&](const char* name, const char* about) {
    CLI::App* added = app.add_subcommand(name, about);
    added->require_subcommand(1);
    return added;
  };
  CLI::App* queue = group("queue", "make, change, look at and remove queues");
  add_queue_definitions(*queue);
  add_queue_lists(*queue);
  add_queue_ends(*queue);
  add_queue_switches(*queue);
  add_group_commands(*group("group", "groups of consumers, each with its own progress"));
  add_message_commands(*group("message", "look at messages without consuming them"), false);
  CLI::App* dead = group("dead", "look at dead letters, bring them back or end them");
  add_message_commands(*dead, true);
  add_dead_commands(*dead);
  add_top(app);
  CLI::App* consumer = group("consumer", "who consumes");
  CLI::App* list = add(*consumer, "list", "consumers with what they hold", [this](auto& client) {
    return admin::list_consumers(client, args_->name, args_->list, args_->answers,
                                 {context_.out, context_.err});
  });
  list->alias("ls");
  list->add_option("NAME", args_->name, "of one queue alone");
  add_list_flags(*list);
}

CLI::App* AdminCommands::add(CLI::App& parent, const std::string& name, const std::string& about,
                             Run run) {
  CLI::App* app = parent.add_subcommand(name, about);
  app->add_option("--admin", args_->admin, "where Sluice's HTTP API is; else SLUICE_ADMIN says")
      ->capture_default_str();
  app->add_option("--timeout", args_->timeout_s, "seconds to wait for an answer")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();
  app->add_flag("-j,--json", args_->answers.json, "answer in JSON");
  app->add_flag("-q,--quiet", args_->answers.quiet, "say nothing if it worked");
  commands_.emplace_back(app, std::move(run));
  return app;
}

void AdminCommands::add_list_flags(CLI::App& app) {
  app.add_flag("--no-headers", args_->no_headers, "leave out the first line");
  app.add_option("--columns", args_->list.columns, "which columns, with commas");
  app.add_option("--limit", args_->list.limit, "at most so many")
      ->check(CLI::Range(std::uint64_t{1}, UINT64_MAX));
}

void AdminCommands::add_definition(CLI::App& app) {
  app.add_option("--dispatch", args_->dispatch, "least_inflight, round_robin or random");
  app.add_option("--mode", args_->mode, "divert (keep from the broker) or copy");
  app.add_option("--max-inflight", args_->max_inflight, "unsettled messages per consumer");
  app.add_option("--set", args_->set, "any option of docs/configuration.md as NAME=VALUE")
      ->allow_extra_args(false);
}

void AdminCommands::add_queue_definitions(CLI::App& queue) {
  const admin::Output output{context_.out, context_.err};
  CLI::App* create =
      add(queue, "create", "make a queue", [this, output](admin::Client& client) -> Result<int> {
        auto definition = definition_of(*args_);
        if (!definition) return definition.error();
        if (auto named = define(*definition, "name", args_->name); !named) return named.error();
        if (auto checked = dispatch::check_options(definition->options); !checked)
          return checked.error();
        return admin::create_queue(client,
                                   {definition->options, definition->given, args_->idempotent},
                                   args_->answers, output);
      });
  create->alias("add")->alias("new");
  create->add_option("NAME", args_->name, "letters, digits and . _ -")->required();
  create->add_option("--filter", args_->filter, "which topics it stores")->required();
  add_definition(*create);
  create->add_flag("--last-value", args_->last_value, "keep only the newest message of each key");
  create->add_option("--key", args_->key, "what makes messages be about the same thing; repeatable")
      ->allow_extra_args(false);
  create->add_flag("--idempotent", args_->idempotent, "fine if it is there with this definition");

  CLI::App* update =
      add(queue, "update", "change options of a queue that is there",
          [this, output](admin::Client& client) -> Result<int> {
            auto definition = definition_of(*args_);
            if (!definition) return definition.error();
            if (definition->given.empty())
              return dispatch::invalid("nothing to change: give --set NAME=VALUE or another flag");
            definition->options.name = args_->name;
            return admin::update_queue(client, {definition->options, definition->given},
                                       args_->answers, output);
          });
  update->alias("edit");
  update->add_option("NAME", args_->name, "which queue")->required();
  add_definition(*update);
}

void AdminCommands::add_queue_lists(CLI::App& queue) {
  const admin::Output output{context_.out, context_.err};
  CLI::App* list = add(queue, "list", "all queues, in a table", [this, output](auto& client) {
    return admin::list_queues(client, args_->list, args_->answers, output);
  });
  list->alias("ls");
  list->add_flag("-n,--names", args_->list.names, "names only, a line each");
  add_list_flags(*list);

  CLI::App* mailboxes =
      add(queue, "mailboxes", "those of a queue with per_topic", [this, output](auto& client) {
        return admin::list_mailboxes(client, args_->name, args_->list, args_->answers, output);
      });
  mailboxes->add_option("NAME", args_->name, "of which queue")->required();
  mailboxes->add_flag("-n,--names", args_->list.names, "names only, a line each");
  add_list_flags(*mailboxes);

  CLI::App* show = add(queue, "show", "one queue, everything", [this, output](auto& client) {
    return admin::show_queue(client, args_->name, args_->answers, output);
  });
  show->alias("info");
  show->add_option("NAME", args_->name, "which queue")->required();
}

void AdminCommands::add_queue_ends(CLI::App& queue) {
  const admin::Output output{context_.out, context_.err};
  CLI::App* remove = add(queue, "delete", "remove an empty queue", [this, output](auto& client) {
    return admin::delete_queue(client, {args_->name, args_->force, args_->idempotent},
                               args_->answers, output);
  });
  remove->alias("rm");
  remove->add_option("NAME", args_->name, "which queue")->required();
  CLI::Option* force = remove->add_flag("-f,--force", args_->force, "remove it with its messages");
  remove->add_flag("--if-empty", args_->if_empty, "only if it is empty (the default)")
      ->excludes(force);
  remove->add_flag("--idempotent", args_->idempotent, "fine if there is none");

  CLI::App* purge = add(
      queue, "purge", "end its messages, but for those in flight", [this, output](auto& client) {
        return admin::purge(client, args_->name, false, args_->dry_run, args_->answers, output);
      });
  purge->add_option("NAME", args_->name, "which queue")->required();
  purge->add_flag("--dry-run", args_->dry_run, "only say how many it would be");
}

void AdminCommands::add_message_commands(CLI::App& parent, bool dead) {
  const admin::Output output{context_.out, context_.err};
  CLI::App* list = add(parent, "list", "those that are not settled, by offset",
                       [this, output, dead](auto& client) {
                         return admin::list_messages(client, {args_->name, dead, args_->offset},
                                                     args_->list, args_->answers, output);
                       });
  list->alias("ls");
  list->add_option("NAME", args_->name, "of which queue")->required();
  list->add_option("--from", args_->offset, "the first offset")
      ->check(CLI::Range(std::uint64_t{1}, UINT64_MAX));
  add_list_flags(*list);

  CLI::App* show =
      add(parent, "show", "one of them, everything", [this, output, dead](auto& client) {
        return admin::show_message(client, {args_->name, dead, args_->offset}, args_->payload,
                                   args_->answers, output);
      });
  show->alias("info");
  show->add_option("NAME", args_->name, "of which queue")->required();
  show->add_option("OFFSET", args_->offset, "which one")
      ->required()
      ->check(CLI::Range(std::uint64_t{1}, UINT64_MAX));
  show->add_flag("--payload", args_->payload, "nothing but the bytes of its payload");
}

void AdminCommands::add_dead_commands(CLI::App& dead) {
  const admin::Output output{context_.out, context_.err};
  CLI::App* redrive = add(dead, "redrive", "move them back to the end of their queue",
                          [this, output](admin::Client& client) -> Result<int> {
                            if (args_->all == !args_->offsets.empty())
                              return dispatch::invalid("takes offsets, or --all for all of them");
                            return admin::redrive(client, args_->name, args_->offsets,
                                                  args_->dry_run, args_->answers, output);
                          });
  redrive->add_option("NAME", args_->name, "of which queue")->required();
  redrive->add_option("OFFSET", args_->offsets, "which ones")
      ->check(CLI::Range(std::uint64_t{1}, UINT64_MAX));
  redrive->add_flag("--all", args_->all, "all that are there");
  redrive->add_flag("--dry-run", args_->dry_run, "only say how many there are");

  CLI::App* purge =
      add(dead, "purge", "end them, but for those in flight", [this, output](auto& client) {
        return admin::purge(client, args_->name, true, args_->dry_run, args_->answers, output);
      });
  purge->add_option("NAME", args_->name, "of which queue")->required();
  purge->add_flag("--dry-run", args_->dry_run, "only say how many it would be");
}

void AdminCommands::add_queue_switches(CLI::App& queue) {
  const admin::Output output{context_.out, context_.err};
  const auto add_switch = [&](const std::string& name, const std::string& about, bool paused) {
    CLI::App* app = add(queue, name, about, [this, output, paused](auto& client) {
      const bool both = args_->producing == args_->consuming;
      const admin::Sides sides{both || args_->producing, both || args_->consuming};
      return admin::set_paused(client, args_->name, sides, paused, args_->answers, output);
    });
    app->add_option("NAME", args_->name, "which queue")->required();
    app->add_flag("--producing", args_->producing, "only publishing to it");
    app->add_flag("--consuming", args_->consuming, "only delivering from it");
  };
  add_switch("pause", "take nothing and hand out nothing, until it is resumed", true);
  add_switch("resume", "go on after a pause", false);
  CLI::App* check = add(queue, "check", "where a topic goes", [this, output](auto& client) {
    return admin::check_topic(client, args_->topic, args_->answers, output);
  });
  check->add_option("TOPIC", args_->topic, "of a publish")->required();
}

void AdminCommands::add_top(CLI::App& app) {
  CLI::App* top = add(app, "top", "the busiest queues, again each second", [this](auto& client) {
    admin::Top what = args_->top;
    if (args_->once) what.frames = 1;
    what.every = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::duration<double>(args_->every_s));
    what.clear = what.frames != 1 && !args_->answers.json && ::isatty(STDOUT_FILENO) == 1;
    return admin::top(client, what, args_->answers, {context_.out, context_.err});
  });
  top->add_flag("--once", args_->once, "one table, then the end");
  top->add_option("--count", args_->top.frames, "so many tables, then the end");
  top->add_option("--every", args_->every_s, "seconds from one to the next")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  top->add_option("--limit", args_->top.limit, "at most so many queues")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1000}))
      ->capture_default_str();
}

void AdminCommands::add_group_commands(CLI::App& group) {
  const admin::Output output{context_.out, context_.err};
  CLI::App* list =
      add(group, "list", "of one queue, with what each has left", [this, output](auto& client) {
        return admin::list_groups(client, args_->name, args_->list, args_->answers, output);
      });
  list->alias("ls");
  list->add_option("QUEUE", args_->name, "of which queue")->required();
  add_list_flags(*list);
  const auto add_command = [&](const std::string& name, const std::string& about, Run run) {
    CLI::App* app = add(group, name, about, std::move(run));
    app->add_option("QUEUE", args_->name, "of which queue")->required();
    app->add_option("GROUP", args_->group, "letters, digits and . _ -")->required();
    return app;
  };
  const char* places = "earliest, latest, offset:N, time:2026-11-25T10:00:00Z or 15m-ago";
  CLI::App* create =
      add_command("create", "make a group before its first consumer", [this, output](auto& client) {
        return admin::create_group(client, args_->name, args_->group, args_->from, args_->answers,
                                   output);
      });
  create->add_option("--from", args_->from, places)->capture_default_str();
  CLI::App* seek =
      add_command("seek", "move a group forwards or back", [this, output](auto& client) {
        return admin::seek_group(client, args_->name, args_->group, args_->from, args_->answers,
                                 output);
      });
  seek->add_option("--from", args_->from, places)->required();
  add_command("delete", "remove a group without consumers", [this, output](auto& client) {
    return admin::delete_group(client, args_->name, args_->group, args_->answers, output);
  })->alias("rm");
}

Result<int> AdminCommands::run() {
  args_->list.headers = !args_->no_headers;
  const auto endpoint = parse_endpoint(args_->admin, Role::admin_peer);
  if (!endpoint) return dispatch::invalid("--admin: " + endpoint.error().text);
  const std::chrono::duration<double> timeout(args_->timeout_s);
  admin::Client client(*endpoint, std::chrono::duration_cast<std::chrono::milliseconds>(timeout));
  for (const auto& [app, run] : commands_)
    if (app->parsed()) return run(client);
  return dispatch::invalid("no command was given");  // CLI11 asks for one
}

}  // namespace proxy
