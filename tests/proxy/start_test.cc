#include "proxy/admin/start.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <variant>

using admin::parse_start;
using admin::Start;
using dispatch::Offset;
using namespace std::chrono;

TEST_CASE("a group starts at an offset, a time, or some time ago") {
  CHECK(*parse_start("earliest") == Start(Offset{1}));
  CHECK(*parse_start("latest") == Start(Offset{UINT64_MAX}));
  CHECK(*parse_start("offset:42") == Start(Offset{42}));
  CHECK(*parse_start("time:2026-11-25T10:00:00Z") ==
        Start(dispatch::Time(sys_days(2026y / November / 25) + hours(10))));
  CHECK(*parse_start("15m-ago") == Start(dispatch::Duration(minutes(15))));
}

TEST_CASE("what is no place to start is refused with what is") {
  for (const char* wrong :
       {"", "first", "offset:", "offset:0", "offset:-1", "offset:1x", "offset:99999999999999999999",
        "time:", "time:today", "15m", "-ago", "15-ago", "-15m-ago", "Earliest", "earliest "}) {
    CAPTURE(wrong);
    const auto start = parse_start(wrong);
    REQUIRE_FALSE(start.has_value());
    CHECK(start.error().text.find("takes earliest, latest, offset:N") != std::string::npos);
  }
}
