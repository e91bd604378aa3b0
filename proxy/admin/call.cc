#include "proxy/admin/call.h"

#include <algorithm>
#include <charconv>

#include <boost/beast/core/string.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "proxy/admin/json.h"

namespace admin {
namespace {

namespace http = boost::beast::http;
using dispatch::Result;

std::string listed(std::initializer_list<std::string_view> words) {
  std::string text;
  for (const std::string_view* word = words.begin(); word != words.end(); ++word) {
    if (word != words.begin()) text += word + 1 == words.end() ? " or " : ", ";
    text += *word;
  }
  return text;
}

bool is_among(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string text;
  text.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = nibble(hex[i]);
    const int low = nibble(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    text.push_back(static_cast<char>(high << 4 | low));
  }
  return text;
}

dispatch::Error bad_cursor(const std::string& cursor) {
  return dispatch::invalid("parameter 'cursor': '" + cursor +
                           "' is none of this list; take next_cursor of the page before");
}

}  // namespace

// --- Answers ---

Reply json_reply(const boost::json::object& body, http::status code) {
  Reply reply;
  reply.status = code;
  reply.body = boost::json::serialize(body);
  return reply;
}

Reply error_reply(http::status code, std::string_view kind, std::string_view message) {
  return json_reply(error_json(kind, message), code);
}

Reply error_reply(const dispatch::Error& error) {
  switch (error.kind) {
    case dispatch::ErrorKind::invalid:
    case dispatch::ErrorKind::unfit:
      return error_reply(http::status::bad_request, "invalid", error.text);
    case dispatch::ErrorKind::exists:
    case dispatch::ErrorKind::full:
      return error_reply(http::status::conflict, "exists", error.text);
    case dispatch::ErrorKind::not_found:
      return error_reply(http::status::not_found, "not_found", error.text);
    case dispatch::ErrorKind::unavailable:
      break;
  }
  return error_reply(http::status::service_unavailable, "unavailable", error.text);
}

Reply no_such_queue(const std::string& name) {
  return error_reply(http::status::not_found, "not_found", "there is no queue '" + name + "'");
}

Reply unsupported_media_type() {
  return error_reply(http::status::unsupported_media_type, "unsupported_media_type",
                     "takes a body of Content-Type application/json");
}

// --- Parameters ---

Result<void> check_params(const Call& call, std::initializer_list<std::string_view> known) {
  for (auto param = call.params.begin(); param != call.params.end(); ++param) {
    const std::string& name = param->first;
    if (!is_among(name, known))
      return dispatch::invalid("unknown parameter '" + name + "'" +
                               (known.size() == 0 ? "" : ": takes " + listed(known)));
    if (std::any_of(call.params.begin(), param, [&](const auto& p) { return p.first == name; }))
      return dispatch::invalid("parameter '" + name + "' is given twice");
  }
  return {};
}

std::optional<std::string> text_param(const Call& call, std::string_view name) {
  for (const auto& [key, value] : call.params)
    if (key == name) return value;
  return std::nullopt;
}

Result<bool> flag_param(const Call& call, std::string_view name) {
  const auto text = text_param(call, name);
  if (!text) return false;
  if (*text != "true" && *text != "false")
    return dispatch::invalid("parameter '" + std::string(name) + "' takes true or false");
  return *text == "true";
}

Result<std::uint64_t> number_param(const Call& call, std::string_view name, std::uint64_t otherwise,
                                   Range range) {
  const auto text = text_param(call, name);
  if (!text) return otherwise;
  const auto number = number_of(*text);
  if (!number || *number < range.least || *number > range.most)
    return dispatch::invalid("parameter '" + std::string(name) + "' takes " +
                             std::to_string(range.least) + ".." + std::to_string(range.most));
  return *number;
}

// --- Bodies ---

bool has_json_body(const Call& call) {
  const auto field = call.request[http::field::content_type];
  const std::string_view content_type(field.data(), field.size());
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  const std::string_view trimmed = type.substr(0, type.find_last_not_of(" \t") + 1);
  return boost::beast::iequals({trimmed.data(), trimmed.size()}, "application/json");
}

Result<boost::json::object> object_body(const Call& call, bool may_be_empty) {
  const std::string& body = call.request.body();
  if (body.empty() && may_be_empty) return boost::json::object{};
  boost::json::error_code failed;
  boost::json::value parsed = boost::json::parse(body, failed);
  if (failed) return dispatch::invalid("the body is not JSON: " + failed.message());
  if (!parsed.is_object()) return dispatch::invalid("the body must be a JSON object");
  return std::move(parsed.get_object());
}

Result<void> check_fields(const boost::json::object& body,
                          std::initializer_list<std::string_view> known) {
  for (const auto& field : body) {
    const std::string name(field.key().data(), field.key().size());
    if (!is_among(name, known))
      return dispatch::invalid("unknown field '" + name + "': takes " + listed(known));
  }
  return {};
}

// --- Paging ---

std::string make_cursor(CursorKind kind, std::string_view after) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(1, static_cast<char>(kind));
  for (const char c : after) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

Result<std::string> cursor_param(const Call& call, CursorKind kind) {
  const auto cursor = text_param(call, "cursor");
  if (!cursor) return std::string();
  const auto after = cursor->size() > 1 && cursor->front() == static_cast<char>(kind)
                         ? from_hex(std::string_view(*cursor).substr(1))
                         : std::nullopt;
  if (!after) return bad_cursor(*cursor);
  return *after;
}

Result<std::uint64_t> number_cursor_param(const Call& call, CursorKind kind) {
  const auto text = cursor_param(call, kind);
  if (!text) return text.error();
  if (text->empty()) return 0;
  const auto number = number_of(*text);
  if (!number) return bad_cursor(*text_param(call, "cursor"));
  return *number;
}

}  // namespace admin
