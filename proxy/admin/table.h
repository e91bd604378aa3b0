#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "dispatch/result.h"

// Tables for people, made from lists of the API. Text that comes from outside is shown with control
// characters escaped, so that a topic can't drive a terminal.

namespace admin {

struct Column {
  std::string_view name;   // for --columns
  std::string_view title;  // the first line
  std::string_view field;  // of the API
  // How the field is put into words, "-" if there is none.
  std::string (*text)(const boost::json::object&, std::string_view field);
  bool right = false;  // numbers
  bool usual = true;   // shown without --columns
};
using Columns = std::vector<Column>;

// Those that `names` (with commas) asks for, in its order; the usual ones if it is empty. The error
// names the unknown one and those there are.
dispatch::Result<Columns> choose_columns(std::span<const Column> all, std::string_view names);

std::string table(const Columns& columns, const boost::json::array& rows, bool headers);

// A field in words: lists with commas, control characters escaped; "-" if it isn't there, null or
// "".
std::string field_words(const boost::json::object& object, std::string_view field);

}  // namespace admin
