#include "dispatch/key_selector.h"

#include <doctest/doctest.h>

using namespace dispatch;

namespace {

Message command() {
  Message message;
  message.topic = "lights/7/set";
  message.publisher = "app";
  message.username = "ann";
  message.properties.user = {{"type", "color"}, {"type", "second"}, {"empty", ""}};
  return message;
}

std::string key(std::vector<std::string> selectors) { return key_of(command(), selectors); }

}  // namespace

TEST_CASE("selectors") {
  CHECK(key({"topic"}) == "lights/7/set");
  CHECK(key({"topic:1"}) == "lights");
  CHECK(key({"topic:3"}) == "set");
  CHECK(key({"client_id"}) == "app");
  CHECK(key({"username"}) == "ann");
  CHECK(key({"property:type"}) == "color");
  CHECK(key({"topic:2", "property:type"}) == "1:75:color");
}

TEST_CASE("where a selector finds nothing the topic stands in, and looks like no other key") {
  for (const char* selector : {"topic:4", "property:none", "property:empty"}) {
    const auto found = key({selector});
    CHECK(found != "lights/7/set");
    CHECK(shown_key(found) == "lights/7/set");
  }
  CHECK(shown_key(key({"topic", "property:none"})) == "lights/7/set");
  CHECK(shown_key("plain") == "plain");
}

TEST_CASE("different parts give different keys") {
  Message one = command(), other = command();
  one.publisher = "a", one.username = "bc";
  other.publisher = "ab", other.username = "c";
  const std::vector<std::string> selectors = {"client_id", "username"};
  CHECK(key_of(one, selectors) != key_of(other, selectors));
}

TEST_CASE("wrong selectors are refused") {
  for (const char* good : {"topic", "topic:1", "topic:12", "client_id", "username", "property:a b",
                           "payload:/a", "payload:/a/0/b~1c"})
    CHECK(check_key_selector(good).has_value());
  for (const char* bad : {"", "topic:", "topic:0", "topic:x", "topic:1x",
                          "property:", "payload:", "payload:a", "payload:/a~2", "Topic", "user"})
    CHECK_FALSE(check_key_selector(bad).has_value());
}
