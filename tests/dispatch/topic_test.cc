#include "dispatch/topic.h"

#include <doctest/doctest.h>

using namespace dispatch;

TEST_CASE("filters match topics level by level") {
  struct Row {
    const char* filter;
    const char* topic;
    bool matches;
  };
  const Row rows[] = {
      {"a/b", "a/b", true},       {"a/b", "a/c", false},    {"a/b", "a/b/c", false},
      {"a/b/c", "a/b", false},    {"a", "A", false},        {"+", "a", true},
      {"+", "a/b", false},        {"+", "/a", false},       {"+/+", "/a", true},
      {"/+", "/a", true},         {"a/+", "a", false},      {"a/+", "a/", true},
      {"a/+", "a/b", true},       {"a/+", "a/b/c", false},  {"+/b", "a/b", true},
      {"a/+/c", "a//c", true},    {"#", "a", true},         {"#", "a/b/c", true},
      {"#", "/", true},           {"a/#", "a", true},       {"a/#", "a/", true},
      {"a/#", "a/b/c", true},     {"a/#", "ab", false},     {"+/#", "a", true},
      {"a/+/#", "a", false},      {"a/+/#", "a/b", true},   {"/", "/", true},
      {"/", "a/", false},         {"a//b", "a//b", true},   {"a//b", "a/b", false},
      {"#", "$SYS/x", false},     {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true},
      {"$SYS/+", "$SYS/x", true}, {"a/#", "a/$b", true},    {"a/+", "a/$b", true},
      {"$x", "$x", true},         {"$x/#", "$x", true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.filter);
    CAPTURE(row.topic);
    CHECK(check_topic_filter(row.filter).has_value());
    CHECK(topic_matches(row.filter, row.topic) == row.matches);
  }
}

TEST_CASE("wildcards fill their level and # comes last") {
  for (const char* filter : {"a/#/b", "#/a", "a#", "a/b#", "a+", "+a", "a/b+/c", "##", "a/#b"}) {
    CAPTURE(filter);
    CHECK_FALSE(check_topic_filter(filter).has_value());
  }
  CHECK(check_topic_filter("a/#/b").error().text ==
        "topic filter 'a/#/b': '#' must be the last level");
}

TEST_CASE("topic names have no wildcard, no U+0000 and 1 to 65535 bytes") {
  CHECK(check_topic_name("a").has_value());
  CHECK(check_topic_name(std::string(65535, 'a')).has_value());
  CHECK(check_topic_filter(std::string(65535, 'a')).has_value());
  CHECK_FALSE(check_topic_name(std::string(65536, 'a')).has_value());
  CHECK_FALSE(check_topic_filter(std::string(65536, 'a')).has_value());
  CHECK_FALSE(check_topic_name("").has_value());
  CHECK_FALSE(check_topic_filter("").has_value());
  CHECK_FALSE(check_topic_name(std::string_view("a\0b", 3)).has_value());
  CHECK_FALSE(check_topic_filter(std::string_view("a\0b", 3)).has_value());
  CHECK_FALSE(check_topic_name("a/+").has_value());
  CHECK_FALSE(check_topic_name("#").has_value());
}
