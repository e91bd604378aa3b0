#include "dispatch/queue_options.h"

#include <algorithm>

#include "dispatch/key_selector.h"
#include "dispatch/option_table.h"
#include "dispatch/topic.h"

namespace dispatch {

namespace {

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::string_view kDeadLetterPrefix = "$dead/";
constexpr std::size_t kMaxKeySelectors = 16;
constexpr std::ptrdiff_t kMaxFilterLevels = 128;  // the topic index recurses over levels

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

// --- Name and filter ---

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name_char(char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; }

Result<void> check_filter(const QueueOptions& options) {
  const std::string where = "queue " + quoted(options.name) + ": ";
  if (auto checked = check_topic_filter(options.filter); !checked)
    return invalid(where + checked.error().text);
  const std::string_view first =
      std::string_view(options.filter).substr(0, std::string_view(options.filter).find('/'));
  if (std::ranges::count(options.filter, '/') >= kMaxFilterLevels)
    return invalid(where + "the filter has more than 128 levels");
  for (const std::string_view taken : {"$share", "$q", "$queue", "$SYS", "$dead"})
    if (first == taken)
      return invalid(where + "filter " + quoted(options.filter) + " is below " +
                     std::string(taken) + "/, which has a meaning of its own");
  return {};
}

Result<void> check_key(const QueueOptions& options) {
  const std::string where = "queue " + quoted(options.name) + ": ";
  if (options.key.empty() || options.key.size() > kMaxKeySelectors)
    return invalid(where + "option 'key' takes 1 to 16 selectors");
  for (const auto& selector : options.key)
    if (auto checked = check_key_selector(selector); !checked)
      return invalid(where + checked.error().text);
  return {};
}

Result<void> check_template(const QueueOptions& options) {
  const std::string where = "queue " + quoted(options.name) + ": ";
  if (!options.per_topic) return {};
  if (options.filter.find_first_of("+#") == std::string::npos)
    return invalid(where + "per_topic takes a filter with wildcards");
  return {};
}

}  // namespace

Result<void> check_name(std::string_view what, std::string_view name) {
  if (name.empty()) return invalid("a " + std::string(what) + " needs a name");
  const std::string where = std::string(what) + " name ";
  if (name.size() > kMaxNameBytes)
    return invalid(where + quoted(name.substr(0, 32)) + "... is longer than 128 bytes");
  if (!is_alnum(name[0]) || !std::ranges::all_of(name, is_name_char))
    return invalid(where + quoted(name) +
                   " must begin with a letter or digit and hold only letters, digits and . _ -");
  return {};
}

std::string dead_letter_filter(std::string_view filter) {
  return std::string(kDeadLetterPrefix) + std::string(filter);
}

bool holds_dead_letters(const QueueOptions& options) {
  return options.filter.starts_with(kDeadLetterPrefix);
}

QueueOptions dead_letter_options(const QueueOptions& origin) {
  QueueOptions options = origin;
  options.filter = dead_letter_filter(origin.filter);
  options.mode = Mode::divert;
  options.last_value = false;
  options.key = QueueOptions().key;
  options.max_deliveries = 0;
  options.max_messages = origin.dead_max_messages;
  options.max_bytes = origin.dead_max_bytes;
  options.overflow = Overflow::drop_oldest;
  options.retention = origin.dead_retention;
  options.dead_on_expiry = options.dead_on_drop = false;
  options.per_topic = options.pause_consuming = options.pause_producing = false;
  if (options.dispatch == Strategy::key_affinity) options.dispatch = Strategy::least_inflight;
  return options;
}

// A queue's name has no slash.
std::string mailbox_name(std::string_view template_name, std::string_view topic) {
  return std::string(template_name) + "/" + std::string(topic);
}

QueueNameParts split_queue_name(std::string_view name) {
  const auto slash = name.find('/');
  if (slash == name.npos) return {name, std::nullopt};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

Result<void> set_option(QueueOptions& options, std::string_view name, std::string_view value) {
  const auto* option = find_option(name);
  if (option == nullptr) return invalid("unknown queue option " + quoted(name));
  if (name == "key")
    for (const auto& selector : split_list(value))
      if (auto checked = check_key_selector(selector); !checked) return checked;
  QueueOptions changed = options;
  if (!option->set(changed, value))
    return invalid("option " + quoted(name) + ": " + quoted(value) + " is wrong; it takes " +
                   std::string(option->help.takes));
  options = std::move(changed);
  return {};
}

std::vector<OptionText> option_texts(const QueueOptions& options) {
  std::vector<OptionText> texts;
  for (const auto& option : option_table())
    texts.emplace_back(option.help.name, option.get(options));
  return texts;
}

Result<void> check_options(const QueueOptions& options) {
  if (auto checked = check_name("queue", options.name); !checked) return checked;
  if (auto checked = check_filter(options); !checked) return checked;
  if (auto checked = check_key(options); !checked) return checked;
  if (auto checked = check_template(options); !checked) return checked;
  if (options.max_inflight < 1 || options.max_inflight > 65535)
    return invalid("queue " + quoted(options.name) + ": option 'max_inflight' takes 1..65535");
  return {};
}

std::string derive_queue_name(std::string_view filter) {
  std::string name;
  for (const char c : filter.substr(0, kMaxNameBytes)) {
    if (c == '+')
      name += "any";
    else if (c == '#')
      name += "all";
    else
      name += is_name_char(c) ? c : '-';
  }
  const auto first = std::ranges::find_if(name, is_alnum);
  name.erase(name.begin(), first);
  if (name.empty()) name = "queue";
  return name.substr(0, kMaxNameBytes);
}

std::span<const OptionHelp> option_help() {
  static const auto rows = [] {
    std::vector<OptionHelp> help;
    for (const Option& option : option_table()) help.push_back(option.help);
    return help;
  }();
  return rows;
}

}  // namespace dispatch
