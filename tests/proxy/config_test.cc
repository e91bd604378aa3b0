#include "proxy/config.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "proxy/nearest.h"
#include "proxy/option_value.h"

using proxy::Endpoint;
using proxy::OptionForm;
using proxy::OptionValue;
using proxy::Role;
using proxy::ServeConfig;

namespace {

// The error of a config text, or "" if it is accepted.
std::string error_of(std::string_view text) {
  ServeConfig config;
  const auto parsed = proxy::parse_config(text, "t.toml", config);
  return parsed ? std::string{} : parsed.error().text;
}

ServeConfig config_of(std::string_view text) {
  ServeConfig config;
  const auto parsed = proxy::parse_config(text, "t.toml", config);
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().text));
  return config;
}

std::string endpoint_error(std::string_view text) {
  const auto endpoint = proxy::parse_endpoint(text);
  return endpoint ? std::string{} : endpoint.error().text;
}

std::string role_error(std::string_view text, Role role) {
  const auto endpoint = proxy::parse_endpoint(text, role);
  return endpoint ? std::string{} : endpoint.error().text;
}

}  // namespace

TEST_CASE("a config file sets every key") {
  const ServeConfig config = config_of(R"(
listen = "mqtt://0.0.0.0:1900"
upstream = "mqtt://broker.example"
admin = "http+unix:///run/sluice.sock"
data_dir = "/var/lib/sluice"
log_level = "debug"

[limits]
max_packet_bytes = 1_048_576
receive_maximum = 64
max_outbound_bytes = 65536
max_connections = 7
connect_timeout_s = 3
disk_reserve_bytes = 1_000_000
log_window_bytes = 2_000_000

[upstream_tls]
ca_file = "ca.pem"
cert_file = "/etc/own.pem"
key_file = "/etc/own.key"
server_name = "broker.internal"

[[queue]]
name = "images"
filter = "images/+"
mode = "copy"
dispatch = "round_robin"
max_inflight = 4

[[queue]]
name = "lights"
filter = "lights/#"
last_value = true
key = ["topic:2", "property:command_type"]
)");
  CHECK(config.listen == Endpoint{"mqtt", "0.0.0.0", 1900, {}});
  CHECK(config.upstream == Endpoint{"mqtt", "broker.example", 1883, {}});
  CHECK(config.upstream_tls ==
        proxy::UpstreamTls{"ca.pem", "/etc/own.pem", "/etc/own.key", "broker.internal"});
  CHECK(config.admin == Endpoint{"http+unix", {}, 0, "/run/sluice.sock"});
  CHECK(config.data_dir == "/var/lib/sluice");
  CHECK(config.log_level == "debug");
  CHECK(config.max_packet_bytes == 1'048'576);
  CHECK(config.receive_maximum == 64);
  CHECK(config.max_outbound_bytes == 65'536);
  CHECK(config.max_connections == 7);
  CHECK(config.connect_timeout_s == 3);
  CHECK(config.disk_reserve_bytes == 1'000'000);
  CHECK(config.log_window_bytes == 2'000'000);
  REQUIRE(config.queues.size() == 2);
  CHECK(config.queues[0].name == "images");
  CHECK(config.queues[0].mode == dispatch::Mode::copy);
  CHECK(config.queues[0].dispatch == dispatch::Strategy::round_robin);
  CHECK(config.queues[0].max_inflight == 4);
  CHECK(config.queues[1].last_value);
  CHECK(config.queues[1].key == std::vector<std::string>{"topic:2", "property:command_type"});
}

TEST_CASE("an empty config file changes nothing") {
  const ServeConfig config = config_of("");
  CHECK(config.listen == Endpoint{"mqtt", "127.0.0.1", 1884, {}});
  CHECK(config.upstream == Endpoint{"mqtt", "127.0.0.1", 1883, {}});
  CHECK(config.admin == Endpoint{"http", "127.0.0.1", 8480, {}});
  CHECK(config.data_dir.empty());
  CHECK(config.disk_reserve_bytes == 256u << 20);
  CHECK(config.log_window_bytes == 256u << 20);
  CHECK(config.queues.empty());
}

TEST_CASE("errors of a config file name file, line, key and what it takes") {
  struct Bad {
    const char* text;
    const char* error;
  };
  const Bad kBad[] = {
      {"listen = 1884", "t.toml:1: listen: takes a string in quotes"},
      {"\nlisten = \"mqtts://h:1\"",
       "t.toml:2: listen: 'mqtts://h:1' asks for mqtts to clients, which is not built yet"},
      {"upstream = \"http://h:1\"",
       "t.toml:1: upstream: 'http://h:1' is no broker: takes mqtt://, mqtts://, ws:// or wss:// "
       "and HOST:PORT"},
      {"upstream_tls = 1", "t.toml:1: upstream_tls: takes a table: [upstream_tls]"},
      {"[upstream_tls]\nca_fiel = \"x\"",
       "t.toml:2: ca_fiel: unknown key of [upstream_tls] (did you mean 'ca_file'?)"},
      {"[upstream_tls]\nca_file = 1", "t.toml:2: ca_file: takes a name in quotes, not nothing"},
      {"[upstream_tls]\ncert_file = \"x\"",
       "t.toml:1: upstream_tls: cert_file and key_file go together"},
      {"[upstream_tls]\nca_file = \"\"", "t.toml:2: ca_file: takes a name in quotes, not nothing"},
      {"upstream = \"mqtt://h:0\"",
       "t.toml:1: upstream: 'mqtt://h:0' has port 0, which only a listener can have: takes "
       "1..65535"},
      {"admin = \"mqtt://h:1\"",
       "t.toml:1: admin: 'mqtt://h:1' is not http: takes http://HOST:PORT or http+unix:///PATH"},
      {"data_dir = \"\"", "t.toml:1: data_dir: takes the path of a directory, not nothing"},
      {"log_level = \"loud\"",
       "t.toml:1: log_level: 'loud' is no log level: takes trace, debug, info, warn, error or off"},
      {"\n\nlog_levle = \"info\"", "t.toml:3: log_levle: unknown key (did you mean 'log_level'?)"},
      {"colour = 1", "t.toml:1: colour: unknown key"},
      {"compat = true", "t.toml:1: compat: takes a table: [compat]"},
      {"[compat]\nemqx_prefix = 1\n", "t.toml:2: emqx_prefix: takes true or false"},
      {"[compat]\nemqx_prefx = true\n",
       "t.toml:2: emqx_prefx: unknown key of [compat] (did you mean 'emqx_prefix'?)"},
      {"upstream_lost = \"keep\"\n",
       "t.toml:1: upstream_lost: 'keep' is wrong; it takes close or hold"},
      {"[acl]\nusers = [\"a\"]\n", "t.toml:1: acl: takes tables, with two brackets: [[acl]]"},
      {"acl = [1]", "t.toml:1: acl: takes tables: [[acl]]"},
      {"[[acl]]\nusers = [\"a\"]\n",
       "t.toml:1: acl: has neither 'allow' nor 'deny', so it says nothing"},
      {"[[acl]]\nuser = [\"a\"]\n",
       "t.toml:2: user: unknown key of [[acl]] (did you mean 'users'?)"},
      {"[[acl]]\nusers = 1\n", "t.toml:2: users: takes a list of strings"},
      {"[[acl]]\nqueues = []\n",
       "t.toml:2: queues: has an empty list; it takes patterns, such as 'a*'"},
      {"[[acl]]\nallow = [\"publish\"]\n",
       "t.toml:2: allow: 'publish' is wrong; it takes a list of 'produce' and 'consume'"},
      {"[[acl]]\nallow = [\"consume\"]\ndeny = [\"consume\"]\n",
       "t.toml:3: deny: 'consume' is named twice in this rule"},
      {"[[acl]]\nallow = [\"administer\"]\n",
       "t.toml:2: allow: 'administer' is not decided here: whoever reaches the admin address may "
       "administer everything"},
      {"missing_queue = \"never\"\n",
       "t.toml:1: missing_queue: 'never' is wrong; it takes reject, wait or create"},
      {"[queue_defaults]\nname = \"a\"\n",
       "t.toml:2: name: follows from the subscription that makes the queue"},
      {"limits = 1", "t.toml:1: limits: takes a table: [limits]"},
      {"[limits]\nmax_packet_byte = 1",
       "t.toml:2: max_packet_byte: unknown key of [limits] (did you mean 'max_packet_bytes'?)"},
      {"[limits]\nreceive_maximum = true",
       "t.toml:2: receive_maximum: takes a whole number, 1..65535"},
      {"[queue]\nname = \"a\"", "t.toml:1: queue: takes tables, with two brackets: [[queue]]"},
      {"queue = [1]", "t.toml:1: queue: takes tables: [[queue]]"},
      {"[[queue]]\nfilter = \"a\"", "t.toml:1: queue: has no 'name', which it needs"},
      {"[[queue]]\nname = \"a\"", "t.toml:1: queue: has no 'filter', which it needs"},
      {"[[queue]]\nname = \"a\"\nfilter = \"b\"\nfiltr = \"c\"",
       "t.toml:4: filtr: unknown queue option 'filtr' (did you mean 'filter'?)"},
      {"[[queue]]\nname = \"a\"\nfilter = \"b\"\ngroup_expiry = 1.5",
       "t.toml:4: group_expiry: takes a string, a number, true or false, or a list"},
      {"[[queue]]\nname = \"a\"\nfilter = \"b\"\nmax_inflight = \"4\"",
       "t.toml:4: max_inflight: option 'max_inflight': a string is wrong; it takes 1..65535"},
      {"[[queue]]\nname = \"a\"\nfilter = \"b\"\nmax_inflight = 65536",
       "t.toml:4: max_inflight: option 'max_inflight': '65536' is wrong; it takes 1..65535"},
      {"[[queue]]\nname = \"a\"\nfilter = \"b\"\nlast_value = 1",
       "t.toml:4: last_value: option 'last_value': a number is wrong; it takes true or false"},
      {"[[queue]]\nname = \"a\"\nfilter = \"b\"\nkey = [1]",
       "t.toml:4: key: takes strings in its list"},
      {"[[queue]]\nname = \"a\"\nfilter = \"b\"\nkey = [\"property:a,b\"]",
       "t.toml:4: key: option 'key': 'property:a,b' has a comma, which stands between the words of "
       "a list"},
      {"[[queue]]\nname = \"a\"\nfilter = [\"b\"]",
       "t.toml:3: filter: option 'filter': a list is wrong; it takes an MQTT topic filter"},
      {"[[queue]]\nname = \"a\"\nfilter = 2024-01-01",
       "t.toml:3: filter: takes a string, a number, true or false, or a list"},
      {"[[queue]]\nname = \"a\"\nfilter = \"b\"\n[[queue]]\nname = \"a\"\nfilter = \"c\"",
       "t.toml:4: queue: the name 'a' is taken by the queue of line 1"},
      {"[[queue]]\nname = \"a\"\nfilter = \"b\"\n[[queue]]\nname = \"d\"\nfilter = \"b\"",
       "t.toml:4: queue: the filter 'b' is taken by the queue of line 1"},
  };
  for (const Bad& bad : kBad) {
    CAPTURE(bad.text);
    CHECK(error_of(bad.text) == bad.error);
  }
}

TEST_CASE("what the core says of a queue is said with file and line") {
  const std::string error = error_of("\n[[queue]]\nname = \"a\"\nfilter = \"a/#/b\"");
  CHECK(error.starts_with("t.toml:2: queue: "));
  CHECK(error.find("a/#/b") != std::string::npos);
}

TEST_CASE("text that is no TOML is an error with its line") {
  CHECK(error_of("a = 1\nb = ").starts_with("t.toml:2: is not TOML: "));
  CHECK(error_of("a = 1\nb = 2024-01-01T:00:00\nc = 1") ==  // an assertion in toml++ 3.3
        "t.toml:2: is not TOML: a date or time that is none");
  CHECK(error_of("a = 1\na = 2").starts_with("t.toml:2: is not TOML: "));
}

TEST_CASE("characters beyond ASCII are fine in strings and comments, and nowhere else") {
  CHECK(error_of("\xEF\xBB\xBF# \xC3\xA9\ndata_dir = \"\xC3\xA9\"") == "");
  CHECK(error_of("data_dir = \"\"\"\\\n  \xC3\xA9\"\"\"") == "");
  CHECK(error_of("# \xC3\xA9\n\xC3\xA9 = 1").starts_with("t.toml:2: is not TOML: "));
  CHECK(error_of("data_dir = \"\" \xC3\xA9").starts_with("t.toml:1: is not TOML: "));
}

TEST_CASE("every limit is taken at its ends and refused beyond them") {
  struct Range {
    const char* key;
    long long min;
    long long max;
  };
  const Range kRanges[] = {{"max_packet_bytes", 1024, 268'435'460},
                           {"receive_maximum", 1, 65'535},
                           {"max_outbound_bytes", 65'536, 4'294'967'295},
                           {"max_connections", 1, 1'000'000},
                           {"connect_timeout_s", 1, 3'600},
                           {"disk_reserve_bytes", 0, 1'125'899'906'842'624},
                           {"log_window_bytes", 1'048'576, 1'125'899'906'842'624}};
  for (const Range& range : kRanges) {
    CAPTURE(range.key);
    const auto with = [&](long long value) {
      return error_of("[limits]\n" + std::string(range.key) + " = " + std::to_string(value));
    };
    const std::string refusal = "t.toml:2: " + std::string(range.key) + ": takes a whole number, " +
                                std::to_string(range.min) + ".." + std::to_string(range.max);
    CHECK(with(range.min) == "");
    CHECK(with(range.max) == "");
    CHECK(with(range.min - 1) == refusal);
    CHECK(with(range.max + 1) == refusal);
  }
}

TEST_CASE("a file that can't be read is named") {
  ServeConfig config;
  const auto missing = proxy::read_config("/nonexistent/sluice.toml", config);
  REQUIRE(!missing);
  CHECK(missing.error().text ==
        "/nonexistent/sluice.toml: cannot be read: No such file or directory");
  const auto directory = proxy::read_config(std::filesystem::temp_directory_path(), config);
  REQUIRE(!directory);
  CHECK(directory.error().text.find("cannot be read") != std::string::npos);
}

TEST_CASE("addresses are read and written") {
  struct Good {
    const char* text;
    Endpoint endpoint;
    const char* printed;
  };
  const Good kGood[] = {
      {"mqtt://127.0.0.1:1884", {"mqtt", "127.0.0.1", 1884, {}}, "mqtt://127.0.0.1:1884"},
      {"MQTT://Broker", {"mqtt", "Broker", 1883, {}}, "mqtt://Broker:1883"},
      {"mqtt://[::1]:0", {"mqtt", "::1", 0, {}}, "mqtt://[::1]:0"},
      {"mqtts://h", {"mqtts", "h", 8883, {}}, "mqtts://h:8883"},
      {"ws://h", {"ws", "h", 80, "/mqtt"}, "ws://h:80/mqtt"},
      {"wss://h/a%20b", {"wss", "h", 443, "/a%20b"}, "wss://h:443/a%20b"},
      {"http://localhost/", {"http", "localhost", 8480, {}}, "http://localhost:8480"},
      {"http://h:65535", {"http", "h", 65535, {}}, "http://h:65535"},
      {"http+unix:///run/a%20b.sock",
       {"http+unix", {}, 0, "/run/a b.sock"},
       "http+unix:///run/a%20b.sock"},
  };
  for (const Good& good : kGood) {
    CAPTURE(good.text);
    const auto endpoint = proxy::parse_endpoint(good.text);
    REQUIRE(endpoint.has_value());
    CHECK(*endpoint == good.endpoint);
    CHECK(to_text(*endpoint) == good.printed);
  }
}

TEST_CASE("wrong addresses are refused with the reason") {
  for (const char* text : {"", "127.0.0.1:1883", "mqtt", "mqtt:/h", "mqtt://h:port", "mqtt://[::1",
                           "mqtt://a b", "tcp://h:1"}) {
    CAPTURE(text);
    CHECK(endpoint_error(text).starts_with("'" + std::string(text) + "' "));
  }
  CHECK(endpoint_error("mqtt://h:65536") ==
        "'mqtt://h:65536' has a port out of range: takes 0..65535");
  CHECK(endpoint_error("mqtt://a%20b:1") ==
        "'mqtt://a%20b:1' has characters in its host that no name or address has");
  CHECK(endpoint_error("mqtt://") == "'mqtt://' has no host: takes mqtt://HOST:PORT");
  CHECK(endpoint_error("mqtt://h:1/x") == "'mqtt://h:1/x' has a path: takes mqtt://HOST:PORT");
  CHECK(endpoint_error("mqtt://u:p@h:1").find("has a user name") != std::string::npos);
  CHECK(endpoint_error("http://h:1?x=1").find("has a query") != std::string::npos);
  CHECK(endpoint_error("http+unix://run/x").find("three slashes") != std::string::npos);
  CHECK(endpoint_error("http+unix:///").find("has no socket file") != std::string::npos);
  for (const char* scheme : {"https", "unix"})
    CHECK(endpoint_error(std::string(scheme) + "://h:1").ends_with("which is not built yet"));
}

TEST_CASE("a unix socket path has at most 107 bytes") {
  const auto with = [](std::size_t bytes) {
    return endpoint_error("http+unix:///" + std::string(bytes - 1, 'a'));
  };
  CHECK(with(106) == "");
  CHECK(with(107) == "");
  CHECK(with(108).find("more than 107 bytes") != std::string::npos);
}

TEST_CASE("each role takes its schemes and ports") {
  CHECK(role_error("mqtt://h:0", Role::mqtt_listener) == "");
  CHECK(role_error("http://h:0", Role::admin_listener) == "");
  CHECK(role_error("http+unix:///s", Role::admin_peer) == "");
  for (const char* broker : {"mqtts://h:1", "ws://h:1/x", "wss://h:1"})
    CHECK(role_error(broker, Role::mqtt_peer) == "");
  CHECK(role_error("ws://h:1", Role::mqtt_listener).find("not built yet") != std::string::npos);
  CHECK(role_error("ws://h:1", Role::admin_peer).find("is not http") != std::string::npos);
  CHECK(role_error("http://h:1", Role::mqtt_listener).find("is not mqtt") != std::string::npos);
  CHECK(role_error("mqtt://h:1", Role::admin_peer).find("is not http") != std::string::npos);
  CHECK(role_error("mqtt://h:0", Role::mqtt_peer).find("port 0") != std::string::npos);
  CHECK(role_error("http://h:0", Role::admin_peer).find("port 0") != std::string::npos);
}

TEST_CASE("local addresses are told from others") {
  for (const char* text : {"http://127.0.0.1:1", "http://127.9.9.9:1", "http://[::1]:1",
                           "http://localhost:1", "http+unix:///s"})
    CHECK(is_local(*proxy::parse_endpoint(text)));
  for (const char* text : {"http://0.0.0.0:1", "http://[::]:1", "http://10.0.0.1:1", "http://h:1"})
    CHECK_FALSE(is_local(*proxy::parse_endpoint(text)));
}

TEST_CASE("every queue option has the form that its default shows") {
  const std::set<std::string_view> booleans = {"last_value",     "metadata",  "dead_on_expiry",
                                               "dead_on_drop",   "per_topic", "pause_consuming",
                                               "pause_producing"};
  const std::set<std::string_view> numbers = {"max_inflight", "max_deliveries", "retry_multiplier",
                                              "retry_jitter"};
  const std::set<std::string_view> sizes = {"max_messages", "max_bytes", "dead_max_messages",
                                            "dead_max_bytes"};
  const std::set<std::string_view> lists = {"key"};
  for (const dispatch::OptionHelp& help : dispatch::option_help()) {
    CAPTURE(std::string(help.name));
    OptionForm expected = OptionForm::text;
    if (booleans.contains(help.name)) expected = OptionForm::boolean;
    if (numbers.contains(help.name)) expected = OptionForm::number;
    if (sizes.contains(help.name)) expected = OptionForm::size;
    if (lists.contains(help.name)) expected = OptionForm::list;
    CHECK((proxy::option_form(help.name) == expected));
  }
}

TEST_CASE("options survive the way through their typed values") {
  dispatch::QueueOptions options;
  options.name = "true";  // text all the same
  options.filter = "32";
  options.mode = dispatch::Mode::copy;
  options.last_value = true;
  options.key = {"topic:2", "client_id"};
  options.max_inflight = 7;
  dispatch::QueueOptions copy;
  for (const auto& [name, value] : proxy::option_values(options))
    REQUIRE(proxy::set_option_value(copy, name, value).has_value());
  CHECK((copy == options));
}

TEST_CASE("errors are one line whatever is in the file") {
  CHECK(error_of("\"colour\\nb\" = 1") == "t.toml:1: colour\\x0Ab: unknown key");
  CHECK(error_of("listen = \"x\\u001b[2J\"").starts_with("t.toml:1: listen: 'x\\x1B[2J' "));
}

TEST_CASE("a slip is recognised, another word isn't") {
  const std::string_view known[] = {"filter", "mode", "max_inflight"};
  CHECK(proxy::did_you_mean("fliter", known) == " (did you mean 'filter'?)");
  CHECK(proxy::did_you_mean("max_in_flight", known) == " (did you mean 'max_inflight'?)");
  CHECK(proxy::did_you_mean("mod", known) == " (did you mean 'mode'?)");
  CHECK(proxy::did_you_mean("x", known) == "");
  CHECK(proxy::did_you_mean("retention", known) == "");
  CHECK(proxy::did_you_mean("", known) == "");
  CHECK(proxy::did_you_mean(std::string(65, 'a'), known) == "");
}
