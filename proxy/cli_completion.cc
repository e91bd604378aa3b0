#include "proxy/cli_completion.h"

#include <CLI/CLI.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

namespace proxy {
namespace {

constexpr const char* kHead = R"sh(# For bash: eval "$(sluice completion bash)"
_sluice() {
  local command=sluice words= i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case "$command ${COMP_WORDS[i]}" in
)sh";
constexpr const char* kMiddle = R"sh(    esac
  done
  case "$command" in
)sh";
constexpr const char* kTail = R"sh(  esac
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _sluice sluice
)sh";

void append(std::string& to, std::initializer_list<std::string_view> parts) {
  for (const auto part : parts) to += part;
}

// The two tables of the script: what leads from one command to the next, and what each takes.
struct Tables {
  std::string steps;
  std::string words;

  void add(const CLI::App& app, const std::string& path) {
    std::string takes;
    for (const CLI::App* below : app.get_subcommands({})) {
      const std::string next = path + " " + below->get_name();
      append(steps, {"      '", next, "'"});
      for (const std::string& alias : below->get_aliases())
        append(steps, {" | '", path, " ", alias, "'"});
      append(steps, {") command='", next, "' ;;\n"});
      append(takes, {below->get_name(), " "});
      add(*below, next);
    }
    for (const CLI::Option* option : app.get_options())
      for (const std::string& name : option->get_lnames()) append(takes, {"--", name, " "});
    if (!takes.empty()) takes.pop_back();
    append(words, {"    '", path, "') words='", takes, "' ;;\n"});
  }
};

}  // namespace

std::string bash_completion(const CLI::App& app) {
  Tables tables;
  tables.add(app, app.get_name());
  return kHead + tables.steps + kMiddle + tables.words + kTail;
}

}  // namespace proxy
