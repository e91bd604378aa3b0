#include "proxy/rfc3339.h"

#include <charconv>
#include <cstdio>

namespace proxy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Takes the text apart from the left; any step that fails makes the whole fail.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    const std::string_view part = take(digits);
    for (const char c : part) {
      if (c < '0' || c > '9') failed_ = true;
      value = value * 10 + (c - '0');
    }
    return value;
  }
  char one_of(std::string_view characters) {
    const std::string_view part = take(1);
    if (part.empty() || characters.find(part[0]) == std::string_view::npos) failed_ = true;
    return part.empty() ? '\0' : part[0];
  }
  // Of a second, in milliseconds; what is finer is cut off.
  int fraction() {
    if (!rest_.starts_with('.')) return 0;
    rest_.remove_prefix(1);
    int milliseconds = 0;
    int weight = 100;
    std::size_t digits = 0;
    for (; !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; ++digits, weight /= 10) {
      milliseconds += (rest_[0] - '0') * weight;
      rest_.remove_prefix(1);
    }
    if (digits == 0) failed_ = true;
    return milliseconds;
  }
  bool whole() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t size) {
    if (rest_.size() < size) {
      failed_ = true;
      return {};
    }
    const std::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return part;
  }

  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace

std::string rfc3339(dispatch::Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[64];
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

std::optional<dispatch::Time> parse_rfc3339(std::string_view text) {
  Reader reader(text);
  const int year = reader.number(4);
  reader.one_of("-");
  const int month = reader.number(2);
  reader.one_of("-");
  const int day = reader.number(2);
  reader.one_of("Tt ");
  const int hour = reader.number(2);
  reader.one_of(":");
  const int minute = reader.number(2);
  reader.one_of(":");
  const int second = reader.number(2);
  const std::chrono::milliseconds fraction(reader.fraction());
  const char zone = reader.one_of("Zz+-");
  minutes east{0};
  if (zone == '+' || zone == '-') {
    const int zone_hour = reader.number(2);
    reader.one_of(":");
    const int zone_minute = reader.number(2);
    if (zone_hour > 23 || zone_minute > 59) return std::nullopt;
    east = (hours(zone_hour) + minutes(zone_minute)) * (zone == '+' ? 1 : -1);
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!reader.whole() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + hours(hour) + minutes(minute) + seconds(second) + fraction -
         east;
}

}  // namespace proxy
