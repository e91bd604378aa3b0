#pragma once

#include <span>
#include <string>
#include <string_view>

#include "dispatch/queue_options.h"

namespace dispatch {

// One row of the table of queue options.
struct Option {
  OptionHelp help;
  bool (*set)(QueueOptions&, std::string_view);  // false: it doesn't take this
  std::string (*get)(const QueueOptions&);
};

std::span<const Option> option_table();
// nullptr if there is none of this name.
const Option* find_option(std::string_view name);

// The words of a list, without the spaces around them.
std::vector<std::string> split_list(std::string_view text);

}  // namespace dispatch
