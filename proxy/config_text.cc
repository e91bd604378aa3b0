#include "proxy/config_text.h"

#include <cstdio>
#include <variant>
#include <vector>

#include "proxy/option_value.h"

namespace proxy {
namespace {

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04X", static_cast<unsigned>(byte));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string list(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const std::string& word : words) {
    if (out.size() > 1) out += ", ";
    out += toml_string(word);
  }
  return out + "]";
}

std::string value_text(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return toml_string(*text);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return list(std::get<std::vector<std::string>>(value));
}

void put(std::string& out, std::string_view key, const std::string& value) {
  out.append(key).append(" = ").append(value).append("\n");
}

void put_limits(std::string& out, const ServeConfig& config) {
  out += "\n[limits]\n";
  put(out, "max_packet_bytes", std::to_string(config.max_packet_bytes));
  put(out, "receive_maximum", std::to_string(config.receive_maximum));
  put(out, "max_outbound_bytes", std::to_string(config.max_outbound_bytes));
  put(out, "max_connections", std::to_string(config.max_connections));
  put(out, "disk_reserve_bytes", std::to_string(config.disk_reserve_bytes));
  put(out, "log_window_bytes", std::to_string(config.log_window_bytes));
  put(out, "connect_timeout_s", std::to_string(config.connect_timeout_s));
}

// An option that isn't built may be refused whatever its value: then it isn't written.
void put_options(std::string& out, const dispatch::QueueOptions& options, bool with_name) {
  for (const auto& [name, value] : option_values(options)) {
    if (!with_name && (name == "name" || name == "filter")) continue;
    dispatch::QueueOptions taken;
    if (set_option_value(taken, name, value)) put(out, name, value_text(value));
  }
}

void put_rule(std::string& out, const AclRule& rule) {
  out += "\n[[acl]]\n";
  if (!rule.users.empty()) put(out, "users", list(rule.users));
  if (!rule.client_ids.empty()) put(out, "client_ids", list(rule.client_ids));
  if (!rule.queues.empty()) put(out, "queues", list(rule.queues));
  for (const bool allowed : {true, false}) {
    std::vector<std::string> actions;
    if (rule.produce == allowed) actions.emplace_back("produce");
    if (rule.consume == allowed) actions.emplace_back("consume");
    if (!actions.empty()) put(out, allowed ? "allow" : "deny", list(actions));
  }
}

void put_tls(std::string& out, const UpstreamTls& tls) {
  if (tls == UpstreamTls{}) return;
  out += "\n[upstream_tls]\n";
  const auto put_if = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) put(out, key, toml_string(value));
  };
  put_if("ca_file", tls.ca_file);
  put_if("cert_file", tls.cert_file);
  put_if("key_file", tls.key_file);
  put_if("server_name", tls.server_name);
}

std::string name_of(MissingQueue missing) {
  switch (missing) {
    case MissingQueue::reject:
      return "reject";
    case MissingQueue::wait:
      return "wait";
    case MissingQueue::create:
      break;
  }
  return "create";
}

}  // namespace

std::string config_text(const ServeConfig& config) {
  std::string out;
  put(out, "listen", toml_string(to_text(config.listen)));
  put(out, "upstream", toml_string(to_text(config.upstream)));
  put(out, "admin", toml_string(to_text(config.admin)));
  if (!config.data_dir.empty()) put(out, "data_dir", toml_string(config.data_dir.string()));
  put(out, "log_level", toml_string(config.log_level));
  put(out, "upstream_lost",
      toml_string(config.upstream_lost == UpstreamLost::hold ? "hold" : "close"));
  put(out, "missing_queue", toml_string(name_of(config.missing_queue)));
  put_tls(out, config.upstream_tls);
  put_limits(out, config);
  out += "\n[compat]\n";
  put(out, "emqx_prefix", config.emqx_prefix ? "true" : "false");
  out += "\n[queue_defaults]\n";
  put_options(out, config.queue_defaults, false);
  for (const auto& options : config.queues) {
    out += "\n[[queue]]\n";
    put_options(out, options, true);
  }
  for (const AclRule& rule : config.acl.rules()) put_rule(out, rule);
  return out;
}

}  // namespace proxy
