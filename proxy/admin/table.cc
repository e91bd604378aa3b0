#include "proxy/admin/table.h"

#include <algorithm>

#include <boost/json/serialize.hpp>

#include "proxy/nearest.h"
#include "proxy/printable.h"

namespace admin {
namespace {

namespace json = boost::json;
using Row = std::vector<std::string>;

// Characters on the screen, near enough: UTF-8 bytes that begin one.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string print_row(const Columns& columns, const Row& row,
                      const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string gap(widths[i] - width(row[i]), ' ');
    if (i > 0) line += "  ";
    line += columns[i].right ? gap : row[i];
    line += columns[i].right ? row[i] : gap;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string words_of(const json::value& value) {
  if (const auto* text = value.if_string()) return proxy::printable({text->data(), text->size()});
  const auto* list = value.if_array();
  if (list == nullptr) return json::serialize(value);
  std::string words;
  for (const json::value& word : *list) {
    if (!words.empty()) words += ", ";
    words += words_of(word);
  }
  return words;
}

dispatch::Error no_such_column(std::span<const Column> all, std::string_view name) {
  std::vector<std::string_view> known;
  known.reserve(all.size());
  std::string names;
  for (const Column& column : all) {
    known.push_back(column.name);
    if (!names.empty()) names += ", ";
    names += column.name;
  }
  return dispatch::invalid("--columns: there is no column '" + std::string(name) + "'" +
                           proxy::did_you_mean(name, known) + "; there are " + names);
}

}  // namespace

dispatch::Result<Columns> choose_columns(std::span<const Column> all, std::string_view names) {
  Columns chosen;
  if (names.empty()) {
    std::copy_if(all.begin(), all.end(), std::back_inserter(chosen),
                 [](const Column& column) { return column.usual; });
    return chosen;
  }
  for (std::size_t start = 0; start <= names.size();) {
    const std::size_t comma = std::min(names.find(',', start), names.size());
    const std::string_view name = names.substr(start, comma - start);
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Column& column) { return column.name == name; });
    if (found == all.end()) return no_such_column(all, name);
    chosen.push_back(*found);
    start = comma + 1;
  }
  return chosen;
}

std::string table(const Columns& columns, const json::array& rows, bool headers) {
  std::vector<Row> lines;
  lines.reserve(rows.size() + 1);
  if (headers) {
    Row& titles = lines.emplace_back();
    for (const Column& column : columns) titles.emplace_back(column.title);
  }
  for (const json::value& value : rows) {
    const auto* object = value.if_object();
    if (object == nullptr) continue;
    Row& row = lines.emplace_back();
    for (const Column& column : columns) row.push_back(column.text(*object, column.field));
  }
  std::vector<std::size_t> widths(columns.size());
  for (const Row& row : lines)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::string text;
  for (const Row& row : lines) text += print_row(columns, row, widths);
  return text;
}

std::string field_words(const json::object& object, std::string_view field) {
  const json::value* value = object.if_contains({field.data(), field.size()});
  if (value == nullptr || value->is_null()) return "-";
  std::string words = words_of(*value);
  return words.empty() ? "-" : words;
}

}  // namespace admin
