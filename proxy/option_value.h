#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dispatch/queue_options.h"
#include "dispatch/result.h"

// Queue options as the typed values of TOML and JSON. The table of dispatch/queue_options.h speaks
// text; this is the one place where types meet it, so that a file and the HTTP API take the same.

namespace proxy {

using OptionValue = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;

// The form an option has in TOML and JSON.
// A size is a number, or a text with a unit.
enum class OptionForm { text, number, size, boolean, list };
OptionForm option_form(std::string_view option);

// An error for names that are unknown (with the nearest that is known) or not built yet.
dispatch::Result<void> check_option_known(std::string_view name);

// Sets an option from a value of its form; a list option takes a lone string too. Errors name the
// option and what it takes.
dispatch::Result<void> set_option_value(dispatch::QueueOptions& options, std::string_view name,
                                        const OptionValue& value);

// The same from text, as the command line has it.
dispatch::Result<void> set_option_text(dispatch::QueueOptions& options, std::string_view name,
                                       std::string_view value);

// Every option with its value, in table order.
std::vector<std::pair<std::string, OptionValue>> option_values(
    const dispatch::QueueOptions& options);

}  // namespace proxy
