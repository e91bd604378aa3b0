#include "proxy/admin/commands_top.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>
#include <string>
#include <thread>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "proxy/admin/format.h"

namespace admin {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

// As many queues as one page of the API has are looked at, by name.
constexpr std::uint64_t kLookedAt = 1000;
constexpr const char* kClear = "\x1b[H\x1b[2J";

struct Totals {
  std::uint64_t stored = 0;
  std::uint64_t acked = 0;
};

struct Frame {
  std::map<std::string, Totals> totals;
  Clock::time_point at;
};

// A second, with one digit behind the point; null if the totals are another queue's.
json::value rate(std::uint64_t from, std::uint64_t to, double seconds) {
  if (to < from || seconds <= 0) return nullptr;
  return std::round(static_cast<double>(to - from) / seconds * 10) / 10;
}

// Puts the rates since the frame before into the rows, and notes this one.
void put_rates(json::array& rows, Frame& frame) {
  const auto now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - frame.at).count();
  std::map<std::string, Totals> totals;
  for (json::value& row : rows) {
    auto& queue = row.as_object();
    const std::string name = text_in(queue, "name");
    const Totals is{number_in(queue, "stored_total"), number_in(queue, "acked_total")};
    totals[name] = is;
    const auto was = frame.totals.find(name);
    if (was == frame.totals.end()) continue;
    queue["in_rate"] = rate(was->second.stored, is.stored, seconds);
    queue["out_rate"] = rate(was->second.acked, is.acked, seconds);
  }
  frame = Frame{std::move(totals), now};
}

double activity(const json::value& row) {
  double sum = 0;
  for (const char* field : {"in_rate", "out_rate"}) {
    json::error_code none;
    const double number = row.as_object().at(field).to_number<double>(none);
    if (!none) sum += number;
  }
  return sum;
}

// The busiest first, then those with most to do.
void sort_rows(json::array& rows) {
  std::ranges::stable_sort(rows, [](const json::value& a, const json::value& b) {
    if (activity(a) != activity(b)) return activity(a) > activity(b);
    return number_in(a.as_object(), "ready") > number_in(b.as_object(), "ready");
  });
}

std::string summary(const json::array& rows, bool more) {
  std::uint64_t ready = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t dead = 0;
  for (const json::value& row : rows) {
    ready += number_in(row.as_object(), "ready");
    in_flight += number_in(row.as_object(), "in_flight");
    dead += number_in(row.as_object(), "dead");
  }
  return (more ? "the first " : "") + counted(rows.size(), "queue") + ": " + std::to_string(ready) +
         " ready, " + std::to_string(in_flight) + " in flight, " + std::to_string(dead) + " dead\n";
}

}  // namespace

int top(Client& client, const Top& what, Answers answers, Output output) {
  const auto columns = choose_columns(
      queue_columns(), "name,ready,in_flight,delayed,dead,consumers,oldest,in_rate,out_rate");
  if (!columns) return fail(output, columns.error().text, kBadArguments);
  Frame frame;
  for (std::uint64_t shown = 0; what.frames == 0 || shown < what.frames; ++shown) {
    if (shown > 0) std::this_thread::sleep_for(what.every);
    Listed listed = list_all(client, "/api/v1/queues", "queues", kLookedAt, output);
    if (listed.code != kOk) return listed.code;
    put_rates(listed.elements, frame);
    const std::string sums = summary(listed.elements, listed.more);
    sort_rows(listed.elements);
    if (listed.elements.size() > what.limit) listed.elements.resize(what.limit);
    say(answers, output, listed.elements,
        (what.clear ? kClear : "") + sums + table(*columns, listed.elements, true));
    output.out.flush();
  }
  return kOk;
}

}  // namespace admin
