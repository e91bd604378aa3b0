#include "proxy/rfc3339.h"

#include <doctest/doctest.h>

#include <chrono>

using proxy::parse_rfc3339;
using proxy::rfc3339;
using namespace std::chrono;

namespace {

const dispatch::Time kTime =
    sys_days(2026y / November / 25) + hours(10) + minutes(28) + seconds(9) + milliseconds(123);

}  // namespace

TEST_CASE("a time is written in UTC with milliseconds, and read back") {
  CHECK(rfc3339(kTime) == "2026-11-25T10:28:09.123Z");
  CHECK(rfc3339(dispatch::Time()) == "1970-01-01T00:00:00.000Z");
  CHECK(rfc3339(sys_days(2024y / February / 29)) == "2024-02-29T00:00:00.000Z");
  CHECK(*parse_rfc3339(rfc3339(kTime)) == kTime);
}

TEST_CASE("offsets, fractions and the forms that RFC 3339 allows are read") {
  CHECK(*parse_rfc3339("2026-11-25T11:28:09.123+01:00") == kTime);
  CHECK(*parse_rfc3339("2026-11-25t04:58:09.123-05:30") == kTime);
  CHECK(*parse_rfc3339("2026-11-25 10:28:09.1239999z") == kTime);
  CHECK(*parse_rfc3339("2026-11-25T10:28:09Z") == kTime - milliseconds(123));
  CHECK(*parse_rfc3339("2026-11-25T10:28:09.1Z") == kTime - milliseconds(23));
  CHECK(*parse_rfc3339("1969-12-31T23:59:59Z") == dispatch::Time(seconds(-1)));
  CHECK(*parse_rfc3339("2016-12-31T23:59:60Z") == sys_days(2017y / January / 1));
}

TEST_CASE("what is no time is refused") {
  for (const char* wrong :
       {"", "2026-11-25", "2026-11-25T10:28:09", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-00-10T00:00:00Z", "2026-11-31T00:00:00Z", "2026-11-25T24:00:00Z",
        "2026-11-25T10:60:00Z", "2026-11-25T10:28:61Z", "2026-11-25T10:28:09.Z",
        "2026-11-25T10:28:09+24:00", "2026-11-25T10:28:09+01:60", "2026-11-25T10:28:09+0100",
        "2026-11-25T10:28:09ZZ", "2026-1-25T10:28:09Z", "20x6-11-25T10:28:09Z", " 2026-11-25"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_rfc3339(wrong).has_value());
  }
}
