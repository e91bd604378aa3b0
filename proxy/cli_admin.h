#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "dispatch/result.h"
#include "proxy/admin/client.h"
#include "proxy/admin/commands.h"
#include "proxy/cli.h"

// The subcommands that ask a running Sluice: queue, group, message, dead, consumer, top.

namespace proxy {

// Where the server is if --admin doesn't say.
std::string default_admin();

class AdminCommands {
 public:
  // Adds them to `app`; both outlive this.
  AdminCommands(CLI::App& app, const CliContext& context);
  // Runs the one that was parsed; an error is about its arguments.
  dispatch::Result<int> run();

 private:
  struct Arguments;
  using Run = std::function<dispatch::Result<int>(admin::Client&)>;

  CLI::App* add(CLI::App& parent, const std::string& name, const std::string& about, Run run);
  void add_list_flags(CLI::App& app);
  void add_definition(CLI::App& app);
  void add_queue_definitions(CLI::App& queue);
  void add_queue_lists(CLI::App& queue);
  void add_queue_ends(CLI::App& queue);
  void add_message_commands(CLI::App& message, bool dead);
  void add_dead_commands(CLI::App& dead);
  void add_group_commands(CLI::App& group);
  void add_queue_switches(CLI::App& queue);
  void add_top(CLI::App& app);

  const CliContext& context_;
  std::shared_ptr<Arguments> args_;
  std::vector<std::pair<CLI::App*, Run>> commands_;
};

}  // namespace proxy
