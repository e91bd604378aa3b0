#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "proxy/admin/api.h"
#include "proxy/admin/routes.h"

// One request on its way through the routes, and what they have in common: reading parameters and
// bodies, and answers. For routes.cc and route_*.cc.

namespace admin {

struct Call {
  const Request& request;
  std::vector<std::string> path;  // decoded segments
  std::vector<std::pair<std::string, std::string>> params;
  Api& api;

  // The queue of /api/v1/queues/NAME/...
  const std::string& queue() const { return path[3]; }
};

using Done = std::function<void(Reply)>;

// --- Answers ---

Reply json_reply(const boost::json::object& body,
                 boost::beast::http::status code = boost::beast::http::status::ok);
Reply error_reply(const dispatch::Error& error);
Reply no_such_queue(const std::string& name);

// --- Parameters. Unknown ones and those given twice are errors. ---

dispatch::Result<void> check_params(const Call& call,
                                    std::initializer_list<std::string_view> known);
std::optional<std::string> text_param(const Call& call, std::string_view name);
// false if it is not there.
dispatch::Result<bool> flag_param(const Call& call, std::string_view name);
struct Range {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
};
dispatch::Result<std::uint64_t> number_param(const Call& call, std::string_view name,
                                             std::uint64_t otherwise, Range range);

// --- Bodies ---

// A JSON object of Content-Type application/json; no body at all is an empty one if `may_be_empty`.
dispatch::Result<boost::json::object> object_body(const Call& call, bool may_be_empty = false);
// Every field must be one of these.
dispatch::Result<void> check_fields(const boost::json::object& body,
                                    std::initializer_list<std::string_view> known);
// True if the body says that it is JSON; a POST of a web page's form can't.
bool has_json_body(const Call& call);
Reply unsupported_media_type();

// --- Paging: what comes after a page is an opaque text of ours. ---

enum class CursorKind : char {
  queues = 'q',
  messages = 'm',
  consumers = 'c',
  groups = 'g',
  mailboxes = 'b'
};
std::string make_cursor(CursorKind kind, std::string_view after);
// Empty if there is no cursor among the parameters; an error if it isn't one of this kind.
dispatch::Result<std::string> cursor_param(const Call& call, CursorKind kind);
// The same where it stands for a number; 0 without a cursor.
dispatch::Result<std::uint64_t> number_cursor_param(const Call& call, CursorKind kind);

}  // namespace admin
