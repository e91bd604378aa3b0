#include "proxy/admin/route_groups.h"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>

#include "proxy/admin/json.h"
#include "proxy/admin/start.h"

namespace admin {
namespace {

using boost::beast::http::status;
using dispatch::GroupStats;
using dispatch::Result;

constexpr std::uint64_t kGroupsOfAPage = 1000;

// The group of /api/v1/queues/NAME/groups/GROUP...
const std::string& group_of(const Call& call) { return call.path[5]; }

std::optional<GroupStats> find_group(Api& api, const std::string& queue, const std::string& name) {
  const auto info = api.queue(queue);
  if (!info) return std::nullopt;
  const auto found = std::ranges::find(info->stats.groups, name, &GroupStats::name);
  if (found == info->stats.groups.end()) return std::nullopt;
  return *found;
}

Reply no_such_group(const Call& call) {
  if (!call.api.queue(call.queue())) return no_such_queue(call.queue());
  return error_reply(status::not_found, "not_found",
                     "queue '" + call.queue() + "' has no group '" + group_of(call) + "'");
}

Result<std::string> text_field(const boost::json::object& body, boost::json::string_view field,
                               const std::string& otherwise) {
  const auto* value = body.if_contains(field);
  if (value == nullptr) return otherwise;
  if (!value->is_string())
    return dispatch::invalid("field '" + std::string(field.data(), field.size()) +
                             "' takes a string");
  return std::string(value->get_string().data(), value->get_string().size());
}

// The group as it is after a command.
Api::Done shown_after(Api& api, const std::string& queue, const std::string& name, status code,
                      const Done& done) {
  return [&api, queue, name, code, done](const Result<void>& result) {
    if (!result) return done(error_reply(result.error()));
    const auto group = find_group(api, queue, name);
    done(json_reply(group ? to_json(*group) : boost::json::object{{"name", name}}, code));
  };
}

struct GroupBody {
  std::string name;
  Start start;
};

Result<GroupBody> create_body(const Call& call) {
  const auto body = object_body(call);
  if (!body) return body.error();
  if (auto known = check_fields(*body, {"name", "from"}); !known) return known.error();
  if (!body->contains("name")) return dispatch::invalid("the body has no 'name'");
  const auto name = text_field(*body, "name", "");
  if (!name) return name.error();
  const auto from = text_field(*body, "from", "earliest");
  if (!from) return from.error();
  const auto start = parse_start(*from);
  if (!start) return start.error();
  return GroupBody{*name, *start};
}

Result<Start> seek_body(const Call& call) {
  const auto body = object_body(call);
  if (!body) return body.error();
  if (auto known = check_fields(*body, {"from"}); !known) return known.error();
  const auto from = text_field(*body, "from", "");
  if (!from) return from.error();
  if (from->empty()) return dispatch::invalid("the body has no 'from'");
  return parse_start(*from);
}

}  // namespace

void list_groups(const Call& call, const Done& done) {
  if (auto known = check_params(call, {"limit", "cursor"}); !known)
    return done(error_reply(known.error()));
  const auto limit = number_param(call, "limit", kGroupsOfAPage, {1, kGroupsOfAPage});
  if (!limit) return done(error_reply(limit.error()));
  const auto after = cursor_param(call, CursorKind::groups);
  if (!after) return done(error_reply(after.error()));
  auto info = call.api.queue(call.queue());
  if (!info) return done(no_such_queue(call.queue()));
  std::ranges::sort(info->stats.groups, {}, &GroupStats::name);
  boost::json::array groups;
  boost::json::object body;
  std::string last;
  for (const GroupStats& group : info->stats.groups) {
    if (!after->empty() && group.name <= *after) continue;
    if (groups.size() == *limit) {
      body["next_cursor"] = make_cursor(CursorKind::groups, last);
      break;
    }
    last = group.name;
    groups.push_back(to_json(group));
  }
  body["groups"] = std::move(groups);
  done(json_reply(body));
}

void create_group(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  if (!has_json_body(call)) return done(unsupported_media_type());
  const auto body = create_body(call);
  if (!body) return done(error_reply(body.error()));
  call.api.add_group(call.queue(), body->name, body->start,
                     shown_after(call.api, call.queue(), body->name, status::created, done));
}

void show_group(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  const auto group = find_group(call.api, call.queue(), group_of(call));
  done(group ? json_reply(to_json(*group)) : no_such_group(call));
}

void delete_group(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  const std::string& name = group_of(call);
  call.api.delete_group(call.queue(), name, [name, done](const Result<void>& result) {
    done(result ? json_reply({{"name", name}}) : error_reply(result.error()));
  });
}

void seek_group(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  if (!has_json_body(call)) return done(unsupported_media_type());
  const auto start = seek_body(call);
  if (!start) return done(error_reply(start.error()));
  call.api.seek_group(call.queue(), group_of(call), *start,
                      shown_after(call.api, call.queue(), group_of(call), status::ok, done));
}

}  // namespace admin
