#include "proxy/option_value.h"

#include <algorithm>
#include <utility>

#include "proxy/nearest.h"

namespace proxy {
namespace {

using dispatch::Error;
using dispatch::QueueOptions;
using dispatch::Result;

constexpr std::string_view kListMark = "several with commas";  // ends what a list option takes
constexpr std::string_view kSizeMark = "0: no limit";  // and what one of a count or size takes

const dispatch::OptionHelp* find_help(std::string_view option) {
  for (const dispatch::OptionHelp& help : dispatch::option_help())
    if (help.name == option) return &help;
  return nullptr;
}

// Defaults show the form: the table prints booleans as words and numbers as digits.
std::string default_text(std::string_view option) {
  for (auto& [name, text] : dispatch::option_texts(QueueOptions{}))
    if (name == option) return std::move(text);
  return {};
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string_view form_name(const OptionValue& value) {
  switch (value.index()) {
    case 0:
      return "a string";
    case 1:
      return "a number";
    case 2:
      return "true or false";
    default:
      return "a list";
  }
}

bool fits(OptionForm form, const OptionValue& value) {
  switch (form) {
    case OptionForm::text:
      return std::holds_alternative<std::string>(value);
    case OptionForm::number:
      return std::holds_alternative<std::int64_t>(value);
    case OptionForm::size:
      return std::holds_alternative<std::int64_t>(value) ||
             std::holds_alternative<std::string>(value);
    case OptionForm::boolean:
      return std::holds_alternative<bool>(value);
    case OptionForm::list:
      return std::holds_alternative<std::string>(value) ||
             std::holds_alternative<std::vector<std::string>>(value);
  }
  return false;
}

Result<std::string> joined(std::string_view name, const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (word.find(',') != std::string::npos)
      return dispatch::invalid("option '" + std::string(name) + "': '" + word +
                               "' has a comma, which stands between the words of a list");
    text += (&word == &words.front() ? "" : ",") + word;
  }
  return text;
}

Result<std::string> text_of(std::string_view name, const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return std::string(*flag ? "true" : "false");
  return joined(name, std::get<std::vector<std::string>>(value));
}

OptionValue value_of(OptionForm form, const std::string& text) {
  if (form == OptionForm::number) return static_cast<std::int64_t>(std::stoll(text));
  if (form == OptionForm::size && is_digits(text) && text.size() < 19)
    return static_cast<std::int64_t>(std::stoll(text));
  if (form == OptionForm::size) return text;
  if (form == OptionForm::boolean) return text == "true";
  if (form == OptionForm::text) return text;
  std::vector<std::string> words;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    words.push_back(text.substr(start, comma - start));
    start = comma + 1;
  }
  return words;
}

}  // namespace

OptionForm option_form(std::string_view option) {
  const std::string text = default_text(option);
  if (text == "true" || text == "false") return OptionForm::boolean;
  const dispatch::OptionHelp* help = find_help(option);
  if (help != nullptr && help->takes.ends_with(kSizeMark)) return OptionForm::size;
  if (is_digits(text)) return OptionForm::number;
  return help != nullptr && help->takes.ends_with(kListMark) ? OptionForm::list : OptionForm::text;
}

Result<void> set_option_text(QueueOptions& options, std::string_view name, std::string_view value) {
  Result<void> set = dispatch::set_option(options, name, value);
  if (set || !set.error().text.starts_with("unknown ")) return set;
  std::vector<std::string_view> known;
  for (const dispatch::OptionHelp& help : dispatch::option_help()) known.push_back(help.name);
  return Error{set.error().kind, set.error().text + did_you_mean(name, known)};
}

Result<void> check_option_known(std::string_view name) {
  if (find_help(name) != nullptr) return {};
  QueueOptions unused;
  return set_option_text(unused, name, {});
}

Result<void> set_option_value(QueueOptions& options, std::string_view name,
                              const OptionValue& value) {
  if (auto known = check_option_known(name); !known) return known;
  if (!fits(option_form(name), value))
    return dispatch::invalid("option '" + std::string(name) +
                             "': " + std::string(form_name(value)) + " is wrong; it takes " +
                             std::string(find_help(name)->takes));
  const Result<std::string> text = text_of(name, value);
  if (!text) return text.error();
  return set_option_text(options, name, *text);
}

std::vector<std::pair<std::string, OptionValue>> option_values(const QueueOptions& options) {
  std::vector<std::pair<std::string, OptionValue>> values;
  for (auto& [name, text] : dispatch::option_texts(options))
    values.emplace_back(name, value_of(option_form(name), text));
  return values;
}

}  // namespace proxy
