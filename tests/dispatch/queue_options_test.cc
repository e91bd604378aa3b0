#include "dispatch/queue_options.h"

#include <doctest/doctest.h>

#include "dispatch/duration_text.h"

using namespace dispatch;

namespace {

QueueOptions valid() {
  QueueOptions options;
  options.name = "jobs";
  options.filter = "jobs/#";
  return options;
}

std::string error_of(std::string_view name, std::string_view value) {
  QueueOptions options = valid();
  const auto set = set_option(options, name, value);
  CHECK(options == valid());
  return set ? "accepted" : set.error().text;
}

}  // namespace

TEST_CASE("every option goes to text and back") {
  QueueOptions options = valid();
  options.mode = Mode::copy;
  options.dispatch = Strategy::random;
  options.last_value = true;
  options.key = {"client_id", "property:command_type"};
  options.max_inflight = 7;
  options.max_deliveries = 9;
  options.release_pause = std::chrono::minutes(2);
  options.ack_timeout = std::chrono::minutes(7);
  options.retry_delay = std::chrono::seconds(3);
  options.retry_multiplier = 5;
  options.retry_delay_max = std::chrono::hours(2);
  options.retry_jitter = 50;
  options.durability = Durability::interval;
  options.sync_interval = std::chrono::milliseconds(1500);
  options.metadata = false;
  QueueOptions again;
  for (const auto& [name, value] : option_texts(options))
    CHECK(set_option(again, name, value).has_value());
  CHECK(again == options);
  CHECK(option_help().size() == option_texts(options).size());
}

TEST_CASE("unknown and wrong are different errors") {
  CHECK(error_of("color", "red") == "unknown queue option 'color'");
  CHECK(error_of("dispatch", "fastest") ==
        "option 'dispatch': 'fastest' is wrong; it takes least_inflight, round_robin, "
        "random, key_affinity or exclusive");
  CHECK(
      error_of("key", "payload:id").starts_with("option 'key': 'payload:id' has no JSON pointer"));
  CHECK(error_of("key", "topic,color").starts_with("option 'key': 'color' is no selector"));
  CHECK(error_of("last_value", "yes") ==
        "option 'last_value': 'yes' is wrong; it takes true or false");
}

TEST_CASE("max_inflight takes 1..65535") {
  QueueOptions options;
  for (const char* good : {"1", "2", "65534", "65535"})
    CHECK(set_option(options, "max_inflight", good).has_value());
  for (const char* bad : {"0", "65536", "-1", "", "3x", "99999999999999999999"})
    CHECK(error_of("max_inflight", bad) ==
          "option 'max_inflight': '" + std::string(bad) + "' is wrong; it takes 1..65535");
}

TEST_CASE("names and filters are checked") {
  CHECK(check_options(valid()).has_value());
  QueueOptions options = valid();
  for (const std::string& name :
       {std::string(), std::string(129, 'a'), std::string("-a"), std::string("a b"),
        std::string("a/b"), std::string(".a"), std::string("\xC3\xA9")}) {
    options.name = name;
    CHECK_FALSE(check_options(options).has_value());
  }
  for (const std::string& name : {std::string(128, 'a'), std::string("0._-")}) {
    options.name = name;
    CHECK(check_options(options).has_value());
  }
  options = valid();
  for (const char* filter :
       {"", "a/#/b", "$share/g/a", "$q/a", "$queue/a", "$SYS/#", "$SYS", "$dead/a"}) {
    options.filter = filter;
    CHECK_FALSE(check_options(options).has_value());
  }
  for (const char* filter : {"#", "+", "$device/a", "a//b"}) {
    options.filter = filter;
    CHECK(check_options(options).has_value());
  }
}

TEST_CASE("filters may have 128 levels") {
  QueueOptions options = valid();
  const auto levels = [](std::size_t n) { return "a" + std::string(n - 1, '/'); };
  options.filter = levels(127);
  CHECK(check_options(options).has_value());
  options.filter = levels(128);
  CHECK(check_options(options).has_value());
  options.filter = levels(129);
  CHECK_FALSE(check_options(options).has_value());
}

TEST_CASE("a key has 1 to 16 selectors") {
  QueueOptions options = valid();
  for (const auto& [count, good] :
       {std::pair{0u, false}, {1u, true}, {15u, true}, {16u, true}, {17u, false}}) {
    options.key.assign(count, "topic");
    CHECK(check_options(options).has_value() == good);
  }
}

TEST_CASE("a filter gives a valid queue name") {
  CHECK(derive_queue_name("images/+") == "images-any");
  CHECK(derive_queue_name("#") == "all");
  CHECK(derive_queue_name("/a b/#") == "a-b-all");
  CHECK(derive_queue_name("///") == "queue");
  QueueOptions options = valid();
  for (const std::string& filter :
       {std::string("$x/+"), std::string(300, '+'), std::string("\xC3\xA9/\xC3\xA9")}) {
    options.name = derive_queue_name(filter);
    CHECK(check_options(options).has_value());
  }
}

TEST_CASE("the options of failed deliveries are checked") {
  QueueOptions options;
  const auto takes = [&](const char* name, std::initializer_list<const char*> good,
                         std::initializer_list<const char*> bad) {
    for (const char* value : good) CHECK(set_option(options, name, value).has_value());
    for (const char* value : bad)
      CHECK(error_of(name, value).find("is wrong; it takes") != std::string::npos);
  };
  takes("retry_delay", {"0s", "1ms", "1d", "86400s"}, {"86401s", "2d", "1", "-1s"});
  takes("ack_timeout", {"0s", "1ms", "1d"}, {"25h", "5"});
  takes("release_pause", {"0s", "1ms", "1d"}, {"25h", "5"});
  takes("retry_delay_max", {"0s", "1ms", "1d"}, {"86400001ms", ""});
  takes("retry_multiplier", {"1", "2", "99", "100"}, {"0", "101", "1.5"});
  takes("max_deliveries", {"0", "1", "999999", "1000000"}, {"1000001", "-1", "", "x"});
  takes("retry_jitter", {"0", "1", "99", "100"}, {"101", "-1", "10%"});
}

TEST_CASE("sync_interval takes 1ms..1h") {
  QueueOptions options;
  for (const char* good : {"1ms", "2ms", "999ms", "1s", "90s", "59m", "1h", "60m", "3600s"})
    CHECK(set_option(options, "sync_interval", good).has_value());
  for (const char* bad : {"0ms", "0s", "3601s", "61m", "1d", "", "5", "-1s", "1.5s", "s", "1 s",
                          "99999999999999999999s", "9223372036854775807d"})
    CHECK(error_of("sync_interval", bad) ==
          "option 'sync_interval': '" + std::string(bad) + "' is wrong; it takes 1ms..1h");
}

TEST_CASE("a duration is printed in the largest unit that leaves a whole number") {
  const std::pair<const char*, const char*> same[] = {{"90000ms", "90s"}, {"120s", "2m"},
                                                      {"60m", "1h"},      {"1500ms", "1500ms"},
                                                      {"0h", "0s"},       {"48h", "2d"}};
  for (const auto& [text, printed] : same) CHECK(print_duration(*parse_duration(text)) == printed);
  CHECK(parse_duration("36500d").has_value());
  CHECK_FALSE(parse_duration("36501d").has_value());
}
