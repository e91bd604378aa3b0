#include "proxy/config_text.h"

#include <doctest/doctest.h>

#include <string>

using proxy::config_text;
using proxy::ServeConfig;

namespace {

ServeConfig read(const std::string& text) {
  ServeConfig config;
  const auto parsed = proxy::parse_config(text, "t.toml", config);
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().text));
  return config;
}

}  // namespace

TEST_CASE("a configuration written and read again is the same") {
  const ServeConfig config = read(R"(
listen = "mqtt://[::1]:1900"
admin = "http+unix:///run/slu%20ice.sock"
data_dir = "/var/lib/\"slu\\ice\"\u0007"
log_level = "warn"
missing_queue = "create"
upstream_lost = "hold"
[upstream_tls]
ca_file = "/etc/ssl/ca.pem"
server_name = "broker.test"
[limits]
receive_maximum = 64
disk_reserve_bytes = 0
log_window_bytes = 3_000_000
[compat]
emqx_prefix = true
[queue_defaults]
max_inflight = 7
[[queue]]
name = "lights"
filter = "lights/+/set"
last_value = true
key = ["topic:2", "payload:/kind"]
max_bytes = "64MiB"
retention = "36h"
[[queue]]
name = "jobs"
filter = "jobs"
mode = "copy"
[[acl]]
users = ["a*", ""]
queues = ["jobs"]
allow = ["produce"]
deny = ["consume"]
[[acl]]
client_ids = ["c"]
deny = ["produce", "consume"]
)");
  const std::string text = config_text(config);
  const ServeConfig again = read(text);
  CHECK(again.listen == config.listen);
  CHECK(again.upstream == config.upstream);
  CHECK(again.admin == config.admin);
  CHECK(again.data_dir == config.data_dir);
  CHECK(again.log_level == "warn");
  CHECK(again.missing_queue == proxy::MissingQueue::create);
  CHECK(again.upstream_lost == proxy::UpstreamLost::hold);
  CHECK(again.upstream_tls == config.upstream_tls);
  CHECK(again.upstream_tls.server_name == "broker.test");
  CHECK(again.receive_maximum == 64);
  CHECK(again.disk_reserve_bytes == 0);
  CHECK(again.log_window_bytes == 3'000'000);
  CHECK(again.emqx_prefix);
  CHECK(again.queue_defaults == config.queue_defaults);
  CHECK(again.queues == config.queues);
  REQUIRE(again.acl.rules().size() == 2);
  CHECK(again.acl.rules()[0].users == config.acl.rules()[0].users);
  CHECK(again.acl.rules()[0].produce == true);
  CHECK(again.acl.rules()[0].consume == false);
  CHECK(again.acl.rules()[1].client_ids == config.acl.rules()[1].client_ids);
  CHECK(config_text(again) == text);
}

TEST_CASE("the defaults can be written and read as well") {
  const std::string text = config_text(ServeConfig{});
  CHECK(config_text(read(text)) == text);
  CHECK(text.find("data_dir") == text.npos);
}
