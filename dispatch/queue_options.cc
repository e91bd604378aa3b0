#include "dispatch/queue_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "dispatch/duration_text.h"
#include "dispatch/key_selector.h"
#include "dispatch/topic.h"

namespace dispatch {

namespace {

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::string_view kDeadLetterPrefix = "$dead/";
constexpr std::size_t kMaxKeySelectors = 16;
constexpr std::ptrdiff_t kMaxFilterLevels = 128;  // the topic index recurses over levels

// --- Words and what they mean ---

template <class T>
using Words = std::span<const std::pair<std::string_view, T>>;

constexpr std::pair<std::string_view, Mode> kModes[] = {{"divert", Mode::divert},
                                                        {"copy", Mode::copy}};
constexpr std::pair<std::string_view, Strategy> kStrategies[] = {
    {"least_inflight", Strategy::least_inflight},
    {"round_robin", Strategy::round_robin},
    {"random", Strategy::random}};
constexpr std::pair<std::string_view, Durability> kDurabilities[] = {
    {"fsync", Durability::fsync}, {"interval", Durability::interval}, {"none", Durability::none}};
constexpr std::pair<std::string_view, bool> kBooleans[] = {{"true", true}, {"false", false}};

template <class T>
bool parse_word(Words<T> words, std::string_view text, T& value) {
  for (const auto& [word, meaning] : words)
    if (word == text) {
      value = meaning;
      return true;
    }
  return false;
}

template <class T>
std::string print_word(Words<T> words, T value) {
  for (const auto& [word, meaning] : words)
    if (meaning == value) return std::string(word);
  return {};
}

// --- Other kinds of values ---

template <class Number>
bool parse_number(std::string_view text, Number least, Number most, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= least &&
         value <= most;
}

constexpr Duration kDay = std::chrono::hours(24);

bool parse_duration_within(std::string_view text, Duration least, Duration most, Duration& value) {
  const auto parsed = parse_duration(text);
  if (!parsed || *parsed < least || *parsed > most) return false;
  value = *parsed;
  return true;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const auto comma = text.find(',');
    words.emplace_back(trimmed(text.substr(0, comma)));
    if (comma == text.npos) return words;
    text.remove_prefix(comma + 1);
  }
}

std::string join_list(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

// --- The table: one row an option ---

struct Option {
  OptionHelp help;
  bool (*set)(QueueOptions&, std::string_view);
  std::string (*get)(const QueueOptions&);
};

constexpr Option kOptions[] = {
    {{"name", "letters, digits and . _ -, at most 128 bytes", "what the queue is called; unique"},
     [](QueueOptions& o, std::string_view text) { return o.name = text, true; },
     [](const QueueOptions& o) { return o.name; }},
    {{"filter", "an MQTT topic filter", "which topics it stores; unique"},
     [](QueueOptions& o, std::string_view text) { return o.filter = text, true; },
     [](const QueueOptions& o) { return o.filter; }},
    {{"mode", "divert or copy", "keep messages from the broker, or forward them as well"},
     [](QueueOptions& o, std::string_view text) { return parse_word<Mode>(kModes, text, o.mode); },
     [](const QueueOptions& o) { return print_word<Mode>(kModes, o.mode); }},
    {{"dispatch", "least_inflight, round_robin or random", "which consumer gets the next message"},
     [](QueueOptions& o, std::string_view text) {
       return parse_word<Strategy>(kStrategies, text, o.dispatch);
     },
     [](const QueueOptions& o) { return print_word<Strategy>(kStrategies, o.dispatch); }},
    {{"last_value", "true or false", "keep only the newest message of each key"},
     [](QueueOptions& o, std::string_view text) {
       return parse_word<bool>(kBooleans, text, o.last_value);
     },
     [](const QueueOptions& o) { return print_word<bool>(kBooleans, o.last_value); }},
    {{"key", "topic, topic:<level>, client_id, username, property:<name>; several with commas",
      "what makes two messages be about the same thing"},
     [](QueueOptions& o, std::string_view text) { return o.key = split_list(text), true; },
     [](const QueueOptions& o) { return join_list(o.key); }},
    {{"max_inflight", "1..65535", "how many unsettled messages one consumer may hold"},
     [](QueueOptions& o, std::string_view text) {
       return parse_number(text, 1u, 65535u, o.max_inflight);
     },
     [](const QueueOptions& o) { return std::to_string(o.max_inflight); }},
    {{"max_deliveries", "0..1000000",
      "failed deliveries that make a message a dead letter; 0: none"},
     [](QueueOptions& o, std::string_view text) {
       return parse_number(text, 0u, 1'000'000u, o.max_deliveries);
     },
     [](const QueueOptions& o) { return std::to_string(o.max_deliveries); }},
    {{"ack_timeout", "0s..1d", "how long a consumer may hold a message; 0s: for ever"},
     [](QueueOptions& o, std::string_view text) {
       return parse_duration_within(text, Duration(0), kDay, o.ack_timeout);
     },
     [](const QueueOptions& o) { return print_duration(o.ack_timeout); }},
    {{"release_pause", "0s..1d", "how long a consumer that released a message gets none"},
     [](QueueOptions& o, std::string_view text) {
       return parse_duration_within(text, Duration(0), kDay, o.release_pause);
     },
     [](const QueueOptions& o) { return print_duration(o.release_pause); }},
    {{"retry_delay", "0s..1d", "how long a message waits after its first failed delivery"},
     [](QueueOptions& o, std::string_view text) {
       return parse_duration_within(text, Duration(0), kDay, o.retry_delay);
     },
     [](const QueueOptions& o) { return print_duration(o.retry_delay); }},
    {{"retry_multiplier", "1..100", "how much longer it waits after each further one"},
     [](QueueOptions& o, std::string_view text) {
       return parse_number(text, 1u, 100u, o.retry_multiplier);
     },
     [](const QueueOptions& o) { return std::to_string(o.retry_multiplier); }},
    {{"retry_delay_max", "0s..1d", "the longest such wait"},
     [](QueueOptions& o, std::string_view text) {
       return parse_duration_within(text, Duration(0), kDay, o.retry_delay_max);
     },
     [](const QueueOptions& o) { return print_duration(o.retry_delay_max); }},
    {{"retry_jitter", "0..100", "percent of the wait that chance may take off"},
     [](QueueOptions& o, std::string_view text) {
       return parse_number(text, 0u, 100u, o.retry_jitter);
     },
     [](const QueueOptions& o) { return std::to_string(o.retry_jitter); }},
    {{"durability", "fsync, interval or none", "when an acknowledged message is synced to disk"},
     [](QueueOptions& o, std::string_view text) {
       return parse_word<Durability>(kDurabilities, text, o.durability);
     },
     [](const QueueOptions& o) { return print_word<Durability>(kDurabilities, o.durability); }},
    {{"sync_interval", "1ms..1h", "how long durability = interval may leave messages unsynced"},
     [](QueueOptions& o, std::string_view text) {
       return parse_duration_within(text, Duration(1), std::chrono::hours(1), o.sync_interval);
     },
     [](const QueueOptions& o) { return print_duration(o.sync_interval); }},
    {{"metadata", "true or false", "add q-queue, q-offset, q-attempt ... to MQTT 5 deliveries"},
     [](QueueOptions& o, std::string_view text) {
       return parse_word<bool>(kBooleans, text, o.metadata);
     },
     [](const QueueOptions& o) { return print_word<bool>(kBooleans, o.metadata); }},
};

// Promised by name, so that a typing error and a feature to come get different answers.
constexpr std::string_view kNotBuilt[] = {
    "max_messages",   "max_bytes",      "overflow",       "retention",   "per_topic",
    "settle",         "group_expiry",   "key_missing",    "dead_letter", "dead_max_messages",
    "dead_max_bytes", "dead_retention", "dead_on_expiry", "dead_on_drop"};
constexpr std::string_view kStrategiesNotBuilt[] = {"key_affinity", "exclusive"};

Error not_built(std::string_view what) { return invalid(std::string(what) + " is not built yet"); }

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

const Option* find_option(std::string_view name) {
  const auto found =
      std::ranges::find(kOptions, name, [](const Option& option) { return option.help.name; });
  return found == std::end(kOptions) ? nullptr : found;
}

Result<void> check_value_built(std::string_view name, std::string_view value) {
  if (name == "dispatch" &&
      std::ranges::find(kStrategiesNotBuilt, value) != std::end(kStrategiesNotBuilt))
    return not_built("option 'dispatch': value " + quoted(value));
  if (name != "key") return {};
  for (const auto& selector : split_list(value))
    if (auto checked = check_key_selector(selector); !checked) return checked;
  return {};
}

// --- Name and filter ---

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name_char(char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; }

Result<void> check_name(std::string_view name) {
  if (name.empty()) return invalid("a queue needs a name");
  if (name.size() > kMaxNameBytes)
    return invalid("queue name " + quoted(name.substr(0, 32)) + "... is longer than 128 bytes");
  if (!is_alnum(name[0]) || !std::ranges::all_of(name, is_name_char))
    return invalid("queue name " + quoted(name) +
                   " must begin with a letter or digit and hold only letters, digits and . _ -");
  return {};
}

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

}  // namespace

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
  return options;
}

Result<void> set_option(QueueOptions& options, std::string_view name, std::string_view value) {
  const auto* option = find_option(name);
  if (option == nullptr) {
    if (std::ranges::find(kNotBuilt, name) != std::end(kNotBuilt))
      return not_built("option " + quoted(name));
    return invalid("unknown queue option " + quoted(name));
  }
  if (auto built = check_value_built(name, value); !built) return built;
  QueueOptions changed = options;
  if (!option->set(changed, value))
    return invalid("option " + quoted(name) + ": " + quoted(value) + " is wrong; it takes " +
                   std::string(option->help.takes));
  options = std::move(changed);
  return {};
}

std::vector<OptionText> option_texts(const QueueOptions& options) {
  std::vector<OptionText> texts;
  for (const auto& option : kOptions) texts.emplace_back(option.help.name, option.get(options));
  return texts;
}

Result<void> check_options(const QueueOptions& options) {
  if (auto checked = check_name(options.name); !checked) return checked;
  if (auto checked = check_filter(options); !checked) return checked;
  if (auto checked = check_key(options); !checked) return checked;
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
    std::array<OptionHelp, std::size(kOptions)> help;
    std::ranges::transform(kOptions, help.begin(), &Option::help);
    return help;
  }();
  return rows;
}

}  // namespace dispatch
