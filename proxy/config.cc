#include "proxy/config.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>

#include "proxy/nearest.h"
#include "proxy/option_value.h"
#include "proxy/printable.h"
#include "proxy/tomlpp.h"

namespace proxy {
namespace {

using dispatch::Error;
using dispatch::Result;

constexpr std::array<std::string_view, 6> kLogLevels = {"trace", "debug", "info",
                                                        "warn",  "error", "off"};
constexpr std::uintmax_t kMaxFileBytes = 16u << 20;

// --- Errors: "sluice.toml:7: listen: ..." ---

class Reader {
 public:
  Reader(std::string_view name, ServeConfig& config) : name_(name), config_(config) {}
  Result<void> read(const toml::table& root);

 private:
  Error error(const toml::source_region& at, std::string_view key, std::string_view why) const {
    return dispatch::invalid(name_ + ":" + std::to_string(at.begin.line) + ": " + printable(key) +
                             ": " + printable(why));
  }
  Error error(const toml::key& key, std::string_view why) const {
    return error(key.source(), key.str(), why);
  }

  Result<void> read_top(const toml::key& key, const toml::node& value);
  Result<void> read_tls(const toml::key& key, const toml::node& value);
  Result<void> read_tls_key(const toml::key& key, const toml::node& value);
  Result<void> read_limits(const toml::key& key, const toml::node& value);
  Result<void> read_limit(const toml::key& key, const toml::node& value);
  Result<void> read_queues(const toml::key& key, const toml::node& value);
  Result<void> read_queue(const toml::table& table);
  Result<void> read_queue_defaults(const toml::key& key, const toml::node& value);
  Result<void> read_compat(const toml::key& key, const toml::node& value);
  Result<void> read_acl(const toml::key& key, const toml::node& value);
  Result<void> read_rule(const toml::table& table);
  Result<void> read_option(dispatch::QueueOptions& options, const toml::key& key,
                           const toml::node& value) const;
  Result<void> check_unique(const dispatch::QueueOptions& options, const toml::table& table);
  Result<std::string> text(const toml::key& key, const toml::node& value) const;
  Result<OptionValue> option_value(const toml::key& key, const toml::node& value) const;

  std::string name_;
  ServeConfig& config_;
  std::map<std::string, toml::source_index> line_of_name_;
  std::map<std::string, toml::source_index> line_of_filter_;
};

// --- Top level ---

struct TopKey {
  std::string_view name;
  Result<void> (*set)(ServeConfig&, const std::string&);
};

template <Endpoint ServeConfig::*member, Role role>
Result<void> set_endpoint(ServeConfig& config, const std::string& text) {
  auto endpoint = parse_endpoint(text, role);
  if (!endpoint) return endpoint.error();
  config.*member = *endpoint;
  return {};
}

Result<void> set_data_dir(ServeConfig& config, const std::string& text) {
  if (text.empty()) return dispatch::invalid("takes the path of a directory, not nothing");
  config.data_dir = text;
  return {};
}

Result<void> set_log_level(ServeConfig& config, const std::string& text) {
  if (auto checked = check_log_level(text); !checked) return checked;
  config.log_level = text;
  return {};
}

Result<void> set_missing_queue(ServeConfig& config, const std::string& text) {
  if (text == "reject")
    config.missing_queue = MissingQueue::reject;
  else if (text == "wait")
    config.missing_queue = MissingQueue::wait;
  else if (text == "create")
    config.missing_queue = MissingQueue::create;
  else
    return dispatch::invalid("'" + text + "' is wrong; it takes reject, wait or create");
  return {};
}

Result<void> set_upstream_lost(ServeConfig& config, const std::string& text) {
  if (text == "close")
    config.upstream_lost = UpstreamLost::close;
  else if (text == "hold")
    config.upstream_lost = UpstreamLost::hold;
  else
    return dispatch::invalid("'" + text + "' is wrong; it takes close or hold");
  return {};
}

constexpr TopKey kTopKeys[] = {
    {"listen", set_endpoint<&ServeConfig::listen, Role::mqtt_listener>},
    {"upstream", set_endpoint<&ServeConfig::upstream, Role::mqtt_peer>},
    {"admin", set_endpoint<&ServeConfig::admin, Role::admin_listener>},
    {"data_dir", set_data_dir},
    {"log_level", set_log_level},
    {"missing_queue", set_missing_queue},
    {"upstream_lost", set_upstream_lost},
};
constexpr std::array<std::string_view, 13> kTopNames = {
    "listen",        "upstream",       "admin", "data_dir", "log_level",    "limits",       "queue",
    "missing_queue", "queue_defaults", "acl",   "compat",   "upstream_tls", "upstream_lost"};

Result<void> Reader::read(const toml::table& root) {
  for (const auto& [key, value] : root) {
    Result<void> read = read_top(key, value);
    if (!read) return read;
  }
  return {};
}

Result<void> Reader::read_top(const toml::key& key, const toml::node& value) {
  if (key == "upstream_tls") return read_tls(key, value);
  if (key == "limits") return read_limits(key, value);
  if (key == "queue") return read_queues(key, value);
  if (key == "queue_defaults") return read_queue_defaults(key, value);
  if (key == "compat") return read_compat(key, value);
  if (key == "acl") return read_acl(key, value);
  const auto* known = std::find_if(std::begin(kTopKeys), std::end(kTopKeys),
                                   [&](const TopKey& top) { return top.name == key.str(); });
  if (known == std::end(kTopKeys)) {
    return error(key, "unknown key" + did_you_mean(key.str(), kTopNames));
  }
  const Result<std::string> given = text(key, value);
  if (!given) return given.error();
  if (auto set = known->set(config_, *given); !set) return error(key, set.error().text);
  return {};
}

Result<std::string> Reader::text(const toml::key& key, const toml::node& value) const {
  if (const auto* string = value.as_string()) return string->get();
  return error(key, "takes a string in quotes");
}

// --- [upstream_tls] ---

struct TlsKey {
  std::string_view name;
  std::string UpstreamTls::*member;
};
constexpr TlsKey kTlsKeys[] = {{"ca_file", &UpstreamTls::ca_file},
                               {"cert_file", &UpstreamTls::cert_file},
                               {"key_file", &UpstreamTls::key_file},
                               {"server_name", &UpstreamTls::server_name}};

Result<void> Reader::read_tls(const toml::key& key, const toml::node& value) {
  const toml::table* table = value.as_table();
  if (table == nullptr) return error(key, "takes a table: [upstream_tls]");
  for (const auto& [name, node] : *table)
    if (auto read = read_tls_key(name, node); !read) return read;
  const auto& tls = config_.upstream_tls;
  if (tls.cert_file.empty() != tls.key_file.empty())
    return error(key, "cert_file and key_file go together");
  return {};
}

Result<void> Reader::read_tls_key(const toml::key& key, const toml::node& value) {
  const auto* known = std::find_if(std::begin(kTlsKeys), std::end(kTlsKeys),
                                   [&](const TlsKey& tls) { return tls.name == key.str(); });
  if (known == std::end(kTlsKeys)) {
    std::vector<std::string_view> names;
    names.reserve(std::size(kTlsKeys));
    for (const TlsKey& tls : kTlsKeys) names.push_back(tls.name);
    return error(key, "unknown key of [upstream_tls]" + did_you_mean(key.str(), names));
  }
  const auto* string = value.as_string();
  if (string == nullptr || string->get().empty())
    return error(key, "takes a name in quotes, not nothing");
  config_.upstream_tls.*known->member = string->get();
  return {};
}

// --- [limits] ---

struct Limit {
  std::string_view name;
  std::int64_t min;
  std::int64_t max;
  void (*set)(ServeConfig&, std::int64_t);
};

constexpr Limit kLimits[] = {
    {"max_packet_bytes", 1024, 268'435'460,
     [](ServeConfig& c, std::int64_t n) { c.max_packet_bytes = static_cast<std::uint32_t>(n); }},
    {"receive_maximum", 1, 65'535,
     [](ServeConfig& c, std::int64_t n) { c.receive_maximum = static_cast<std::uint16_t>(n); }},
    {"max_outbound_bytes", 65'536, 4'294'967'295,
     [](ServeConfig& c, std::int64_t n) { c.max_outbound_bytes = static_cast<std::uint64_t>(n); }},
    {"max_connections", 1, 1'000'000,
     [](ServeConfig& c, std::int64_t n) { c.max_connections = static_cast<std::uint32_t>(n); }},
    {"disk_reserve_bytes", 0, std::int64_t{1} << 50,
     [](ServeConfig& c, std::int64_t n) { c.disk_reserve_bytes = static_cast<std::uint64_t>(n); }},
    {"log_window_bytes", std::int64_t{1} << 20, std::int64_t{1} << 50,
     [](ServeConfig& c, std::int64_t n) { c.log_window_bytes = static_cast<std::uint64_t>(n); }},
    {"connect_timeout_s", 1, 3'600,
     [](ServeConfig& c, std::int64_t n) { c.connect_timeout_s = static_cast<std::uint32_t>(n); }},
};

Result<void> Reader::read_limits(const toml::key& key, const toml::node& value) {
  const toml::table* table = value.as_table();
  if (table == nullptr) return error(key, "takes a table: [limits]");
  for (const auto& [name, limit] : *table)
    if (auto read = read_limit(name, limit); !read) return read;
  return {};
}

Result<void> Reader::read_limit(const toml::key& key, const toml::node& value) {
  const auto* limit = std::find_if(std::begin(kLimits), std::end(kLimits),
                                   [&](const Limit& known) { return known.name == key.str(); });
  if (limit == std::end(kLimits)) {
    std::vector<std::string_view> names;
    for (const Limit& known : kLimits) names.push_back(known.name);
    return error(key, "unknown key of [limits]" + did_you_mean(key.str(), names));
  }
  const auto* number = value.as_integer();
  if (number == nullptr || number->get() < limit->min || number->get() > limit->max)
    return error(key, "takes a whole number, " + std::to_string(limit->min) + ".." +
                          std::to_string(limit->max));
  limit->set(config_, number->get());
  return {};
}

// --- [[queue]] ---

Result<void> Reader::read_queues(const toml::key& key, const toml::node& value) {
  const toml::array* array = value.as_array();
  if (array == nullptr) return error(key, "takes tables, with two brackets: [[queue]]");
  for (const toml::node& element : *array) {
    const toml::table* table = element.as_table();
    if (table == nullptr) return error(element.source(), "queue", "takes tables: [[queue]]");
    if (auto read = read_queue(*table); !read) return read;
  }
  return {};
}

Result<void> Reader::read_queue(const toml::table& table) {
  dispatch::QueueOptions options;
  for (const auto& [key, value] : table)
    if (auto read = read_option(options, key, value); !read) return read;
  for (const std::string_view needed : {"name", "filter"})
    if (!table.contains(needed))
      return error(table.source(), "queue", "has no '" + std::string(needed) + "', which it needs");
  if (auto checked = dispatch::check_options(options); !checked)
    return error(table.source(), "queue", checked.error().text);
  if (auto unique = check_unique(options, table); !unique) return unique;
  config_.queues.push_back(std::move(options));
  return {};
}

// Every option of a queue but its name and filter, which follow from the subscription.
Result<void> Reader::read_queue_defaults(const toml::key& key, const toml::node& value) {
  const toml::table* table = value.as_table();
  if (table == nullptr) return error(key, "takes a table: [queue_defaults]");
  for (const auto& [name, option] : *table) {
    if (name.str() == "name" || name.str() == "filter")
      return error(name, "follows from the subscription that makes the queue");
    if (auto read = read_option(config_.queue_defaults, name, option); !read) return read;
  }
  dispatch::QueueOptions whole = config_.queue_defaults;
  whole.name = whole.filter = "any";
  if (auto checked = dispatch::check_options(whole); !checked)
    return error(key, checked.error().text);
  return {};
}

Result<void> Reader::read_option(dispatch::QueueOptions& options, const toml::key& key,
                                 const toml::node& value) const {
  if (auto known = check_option_known(key.str()); !known) return error(key, known.error().text);
  const Result<OptionValue> typed = option_value(key, value);
  if (!typed) return typed.error();
  if (auto set = set_option_value(options, key.str(), *typed); !set)
    return error(key, set.error().text);
  return {};
}

// --- [compat] ---

Result<void> Reader::read_compat(const toml::key& key, const toml::node& value) {
  const toml::table* table = value.as_table();
  if (table == nullptr) return error(key, "takes a table: [compat]");
  for (const auto& [name, option] : *table) {
    if (name != "emqx_prefix") {
      constexpr std::array<std::string_view, 1> kKnown = {"emqx_prefix"};
      return error(name, "unknown key of [compat]" + did_you_mean(name.str(), kKnown));
    }
    const auto* flag = option.as_boolean();
    if (flag == nullptr) return error(name, "takes true or false");
    config_.emqx_prefix = flag->get();
  }
  return {};
}

// --- [[acl]] ---

Result<void> Reader::read_acl(const toml::key& key, const toml::node& value) {
  const toml::array* array = value.as_array();
  if (array == nullptr) return error(key, "takes tables, with two brackets: [[acl]]");
  for (const toml::node& element : *array) {
    const toml::table* table = element.as_table();
    if (table == nullptr) return error(element.source(), "acl", "takes tables: [[acl]]");
    if (auto read = read_rule(*table); !read) return read;
  }
  return {};
}

Result<void> Reader::read_rule(const toml::table& table) {
  AclRule rule;
  for (const auto& [key, value] : table) {
    const Result<OptionValue> typed = option_value(key, value);
    if (!typed) return typed.error();
    const auto* words = std::get_if<std::vector<std::string>>(&*typed);
    const auto* word = std::get_if<std::string>(&*typed);
    if (words == nullptr && word == nullptr) return error(key, "takes a list of strings");
    const auto set = set_rule_key(rule, key.str(), words ? *words : std::vector{*word});
    if (!set) return error(key, set.error().text);
  }
  if (!rule.produce && !rule.consume)
    return error(table.source(), "acl", "has neither 'allow' nor 'deny', so it says nothing");
  config_.acl.add(std::move(rule));
  return {};
}

Result<OptionValue> Reader::option_value(const toml::key& key, const toml::node& value) const {
  if (const auto* string = value.as_string()) return OptionValue(string->get());
  if (const auto* number = value.as_integer()) return OptionValue(number->get());
  if (const auto* flag = value.as_boolean()) return OptionValue(flag->get());
  const toml::array* array = value.as_array();
  if (array == nullptr) return error(key, "takes a string, a number, true or false, or a list");
  std::vector<std::string> words;
  for (const toml::node& element : *array) {
    const auto* word = element.as_string();
    if (word == nullptr) return error(key, "takes strings in its list");
    words.push_back(word->get());
  }
  return OptionValue(std::move(words));
}

Result<void> Reader::check_unique(const dispatch::QueueOptions& options, const toml::table& table) {
  const toml::source_index line = table.source().begin.line;
  const auto [name, new_name] = line_of_name_.emplace(options.name, line);
  if (!new_name)
    return error(table.source(), "queue",
                 "the name '" + options.name + "' is taken by the queue of line " +
                     std::to_string(name->second));
  const auto [filter, new_filter] = line_of_filter_.emplace(options.filter, line);
  if (!new_filter)
    return error(table.source(), "queue",
                 "the filter '" + options.filter + "' is taken by the queue of line " +
                     std::to_string(filter->second));
  return {};
}

// --- The text as TOML ---

// Nothing if toml++ broke off with an assertion.
std::optional<toml::parse_result> parse_toml(std::string_view text) {
  try {
    return toml::parse(text);
  } catch (const TomlAssertion&) {
    return std::nullopt;
  }
}

// The end of each line of a text.
std::vector<std::size_t> line_ends(std::string_view text) {
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') ends.push_back(i + 1);
  ends.push_back(text.size());
  return ends;
}

// An assertion doesn't say where: it is in the first line that must be there for it to break.
std::size_t line_of_assertion(std::string_view text) {
  const std::vector<std::size_t> ends = line_ends(text);
  const auto first = std::partition_point(ends.begin(), ends.end(), [&](std::size_t end) {
    return parse_toml(text.substr(0, end)).has_value();
  });
  return static_cast<std::size_t>(first - ends.begin()) + 1;
}

Error not_toml(std::string_view name, std::size_t line, std::string_view why) {
  return dispatch::invalid(std::string(name) + ":" + std::to_string(line) +
                           ": is not TOML: " + printable(why));
}

Result<std::string> read_text(const std::filesystem::path& file) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(file, failed);
  if (!failed && size > kMaxFileBytes)
    return dispatch::invalid(file.string() + ": is larger than 16 MiB, which no config file is");
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (failed || !stream || !(text << stream.rdbuf()).good()) {
    const std::error_code why = failed ? failed : std::error_code(errno, std::generic_category());
    return dispatch::invalid(file.string() + ": cannot be read: " + why.message());
  }
  return std::move(text).str();
}

}  // namespace

std::span<const std::string_view> log_levels() { return kLogLevels; }

Result<void> check_log_level(std::string_view level) {
  if (std::ranges::find(kLogLevels, level) != std::end(kLogLevels)) return {};
  return dispatch::invalid("'" + std::string(level) +
                           "' is no log level: takes trace, debug, info, warn, error or off");
}

Result<void> read_config(const std::filesystem::path& file, ServeConfig& config) {
  const Result<std::string> text = read_text(file);
  if (!text) return text.error();
  return parse_config(*text, file.string(), config);
}

Result<void> parse_config(std::string_view text, std::string_view name, ServeConfig& config) {
  const std::optional<toml::parse_result> parsed = parse_toml(text);
  if (!parsed) return not_toml(name, line_of_assertion(text), "a date or time that is none");
  if (!*parsed)
    return not_toml(name, parsed->error().source().begin.line, parsed->error().description());
  return Reader(name, config).read(parsed->table());
}

}  // namespace proxy
