#include "proxy/admin/format.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

#include <boost/json/serialize.hpp>

#include "proxy/printable.h"

namespace admin {
namespace {

namespace json = boost::json;

struct Column {
  std::string_view title;
  std::string_view field;
  bool right;
};

constexpr std::array<Column, 10> kColumns = {{{"NAME", "name", false},
                                              {"FILTER", "filter", false},
                                              {"READY", "ready", true},
                                              {"IN-FLIGHT", "in_flight", true},
                                              {"CONSUMERS", "consumers", true},
                                              {"STORED", "stored_total", true},
                                              {"ACKED", "acked_total", true},
                                              {"OLDEST", "oldest_age_ms", true},
                                              {"MODE", "mode", false},
                                              {"DISPATCH", "dispatch", false}}};

using Row = std::vector<std::string>;

std::string text_of(const json::value& value) {
  if (const auto* text = value.if_string()) return proxy::printable({text->data(), text->size()});
  const auto* list = value.if_array();
  if (list == nullptr) return json::serialize(value);
  std::string words;
  for (const json::value& word : *list) words += (words.empty() ? "" : ", ") + text_of(word);
  return words;
}

std::uint64_t number_of(const json::object& object, std::string_view field) {
  const auto* value = object.if_contains({field.data(), field.size()});
  json::error_code not_a_number;
  return value == nullptr ? 0 : value->to_number<std::uint64_t>(not_a_number);
}

bool is_empty(const json::object& queue) {
  return number_of(queue, "ready") + number_of(queue, "in_flight") == 0;
}

std::string age_of(const json::object& queue) {
  if (is_empty(queue)) return "-";
  return human_age(std::chrono::milliseconds(number_of(queue, "oldest_age_ms")));
}

Row row_of(const json::object& queue) {
  Row row;
  for (const Column& column : kColumns) {
    const auto* value = queue.if_contains({column.field.data(), column.field.size()});
    if (column.field == "oldest_age_ms")
      row.push_back(age_of(queue));
    else
      row.push_back(value == nullptr ? "-" : text_of(*value));
  }
  return row;
}

// Characters on the screen, near enough: UTF-8 bytes that begin one.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string print_row(const Row& row, const std::array<std::size_t, kColumns.size()>& widths) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string gap(widths[i] - width(row[i]), ' ');
    line += i == 0 ? "" : "  ";
    line += kColumns[i].right ? gap + row[i] : row[i] + gap;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

std::string human_age(std::chrono::milliseconds age) {
  const auto pair = [](std::int64_t high, char high_unit, std::int64_t low, char low_unit) {
    char text[48];
    std::snprintf(text, sizeof text, "%lld%c%02lld%c", static_cast<long long>(high), high_unit,
                  static_cast<long long>(low), low_unit);
    return std::string(text);
  };
  const std::int64_t seconds = age.count() / 1000;
  if (seconds == 0) return std::to_string(age.count()) + "ms";
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return pair(seconds / 60, 'm', seconds % 60, 's');
  if (seconds < 86'400) return pair(seconds / 3600, 'h', seconds % 3600 / 60, 'm');
  return pair(seconds / 86'400, 'd', seconds % 86'400 / 3600, 'h');
}

std::string queue_table(const json::array& queues, bool headers) {
  std::vector<Row> rows;
  Row titles;
  for (const Column& column : kColumns) titles.emplace_back(column.title);
  if (headers) rows.push_back(std::move(titles));
  for (const json::value& queue : queues)
    if (const auto* object = queue.if_object()) rows.push_back(row_of(*object));
  std::array<std::size_t, kColumns.size()> widths{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::string table;
  for (const Row& row : rows) table += print_row(row, widths);
  return table;
}

std::string queue_details(const json::object& queue) {
  std::size_t longest = 0;
  for (const auto& field : queue) longest = std::max(longest, field.key().size());
  std::string text;
  for (const auto& [key, value] : queue) {
    const std::string name(key.data(), key.size());
    text += name + std::string(longest + 2 - name.size(), ' ') + text_of(value);
    if (name == "oldest_age_ms" && !is_empty(queue)) text += " (" + age_of(queue) + ")";
    text += "\n";
  }
  return text;
}

}  // namespace admin
