#include "proxy/admin/route_queues.h"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "dispatch/queue_address.h"
#include "dispatch/topic.h"
#include "proxy/admin/json.h"

namespace admin {
namespace {

namespace urls = boost::urls;
using boost::beast::http::status;
using dispatch::Result;

constexpr std::uint64_t kQueuesOfAPage = 1000;
constexpr std::uint64_t kMostOfAPage = 10'000;

Reply shown(Api& api, const dispatch::QueueOptions& options, status code) {
  const auto info = api.queue(options.name);
  return json_reply(info ? to_json(*info) : to_json(options), code);
}

Reply created(Api& api, const dispatch::QueueOptions& options) {
  Reply reply = shown(api, options, status::created);
  reply.location = "/api/v1/queues/" + urls::encode(options.name, urls::unreserved_chars);
  return reply;
}

std::string count_of(const dispatch::QueueStats& stats) {
  const std::uint64_t messages = stats.ready + stats.in_flight + stats.delayed;
  std::string text = std::to_string(messages) + (messages == 1 ? " message" : " messages") +
                     " (ready " + std::to_string(stats.ready) + ", in flight " +
                     std::to_string(stats.in_flight);
  if (stats.delayed > 0) text += ", delayed " + std::to_string(stats.delayed);
  text += ")";
  if (stats.dead > 0)
    text +=
        " and " + std::to_string(stats.dead) + (stats.dead == 1 ? " dead letter" : " dead letters");
  return text;
}

struct DeleteParams {
  bool force = false;
  bool if_empty = false;
};

Result<DeleteParams> delete_params(const Call& call) {
  if (auto known = check_params(call, {"force", "if_empty"}); !known) return known.error();
  const auto force = flag_param(call, "force");
  if (!force) return force.error();
  const auto if_empty = flag_param(call, "if_empty");
  if (!if_empty) return if_empty.error();
  if (*force && *if_empty) return dispatch::invalid("force and if_empty exclude each other");
  return DeleteParams{*force, *if_empty};
}

}  // namespace

void list_queues(const Call& call, const Done& done) {
  if (auto known = check_params(call, {"limit", "cursor"}); !known)
    return done(error_reply(known.error()));
  const auto limit = number_param(call, "limit", kQueuesOfAPage, {1, kMostOfAPage});
  if (!limit) return done(error_reply(limit.error()));
  const auto after = cursor_param(call, CursorKind::queues);
  if (!after) return done(error_reply(after.error()));
  std::vector<QueueInfo> found = call.api.queues(*after, *limit + 1);
  const bool more = found.size() > *limit;
  if (more) found.pop_back();
  boost::json::array queues;
  queues.reserve(found.size());
  for (const QueueInfo& info : found) queues.push_back(to_json(info));
  boost::json::object body;
  body["queues"] = std::move(queues);
  if (more) body["next_cursor"] = make_cursor(CursorKind::queues, found.back().stats.options.name);
  done(json_reply(body));
}

void list_mailboxes(const Call& call, const Done& done) {
  if (auto known = check_params(call, {"limit", "cursor"}); !known)
    return done(error_reply(known.error()));
  const auto limit = number_param(call, "limit", kQueuesOfAPage, {1, kMostOfAPage});
  if (!limit) return done(error_reply(limit.error()));
  const auto after = cursor_param(call, CursorKind::mailboxes);
  if (!after) return done(error_reply(after.error()));
  const auto* options = call.api.options_of(call.queue());
  if (options == nullptr) return done(no_such_queue(call.queue()));
  if (!options->per_topic)
    return done(error_reply(
        dispatch::invalid("queue '" + call.queue() + "' has no mailboxes: it is not per_topic")));
  std::vector<QueueInfo> found = call.api.mailboxes(call.queue(), *after, *limit + 1);
  const bool more = found.size() > *limit;
  if (more) found.pop_back();
  boost::json::array mailboxes;
  mailboxes.reserve(found.size());
  for (const QueueInfo& info : found) mailboxes.push_back(mailbox_json(info));
  boost::json::object body;
  body["mailboxes"] = std::move(mailboxes);
  if (more) body["next_cursor"] = make_cursor(CursorKind::mailboxes, found.back().stats.topic);
  done(json_reply(body));
}

void create_queue(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  if (!has_json_body(call)) return done(unsupported_media_type());
  const auto options = queue_options_from_json(call.request.body());
  if (!options) return done(error_reply(options.error()));
  call.api.create_queue(*options,
                        [&api = call.api, options = *options, done](const Result<void>& result) {
                          done(result ? created(api, options) : error_reply(result.error()));
                        });
}

void show_queue(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  const auto info = call.api.queue(call.queue());
  done(info ? json_reply(to_json(*info)) : no_such_queue(call.queue()));
}

void update_queue(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  if (!has_json_body(call)) return done(unsupported_media_type());
  const auto info = call.api.queue(call.queue());
  if (!info) return done(no_such_queue(call.queue()));
  if (!info->stats.topic.empty())
    return done(error_reply(
        dispatch::invalid("'" + call.queue() + "' is a mailbox: its options are those of queue '" +
                          std::string(dispatch::split_queue_name(call.queue()).name) + "'")));
  const auto body = object_body(call);
  if (!body) return done(error_reply(body.error()));
  const auto options = changed_options(info->stats.options, *body);
  if (!options) return done(error_reply(options.error()));
  call.api.update_queue(
      *options, [&api = call.api, options = *options, done](const Result<void>& result) {
        done(result ? shown(api, options, status::ok) : error_reply(result.error()));
      });
}

// Without force only an empty queue goes. Look and removal are one step of the core thread, so no
// message can slip in between.
void delete_queue(const Call& call, const Done& done) {
  const std::string& name = call.queue();
  const auto params = delete_params(call);
  if (!params) return done(error_reply(params.error()));
  const auto info = call.api.queue(name);
  if (!info) return done(no_such_queue(name));
  const dispatch::QueueStats& stats = info->stats;
  const std::uint64_t messages = stats.ready + stats.in_flight + stats.delayed;
  if (messages + stats.dead > 0 && !params->force)
    return done(error_reply(
        status::conflict, "not_empty",
        "queue '" + name + "' holds " + count_of(stats) + "; force deletes them with it"));
  boost::json::object body;
  body["name"] = name;
  body["deleted_messages"] = messages;
  body["deleted_dead"] = stats.dead;
  call.api.delete_queue(name, [done, body](const Result<void>& result) {
    done(result ? json_reply(body) : error_reply(result.error()));
  });
}

void show_route(const Call& call, const Done& done) {
  if (auto known = check_params(call, {"topic"}); !known) return done(error_reply(known.error()));
  const auto topic = text_param(call, "topic");
  if (!topic) return done(error_reply(dispatch::invalid("parameter 'topic' is needed")));
  if (auto checked = dispatch::check_topic_name(*topic); !checked)
    return done(error_reply(checked.error()));
  if (dispatch::is_queue_topic(*topic) || dispatch::is_emqx_queue_topic(*topic))
    return done(error_reply(
        dispatch::invalid("a publish to '" + *topic + "' is refused: it is an address of queues")));
  bool forwarded = true;
  boost::json::array queues;
  for (const auto& options : call.api.queues_of_topic(*topic)) {
    if (options.mode == dispatch::Mode::divert) forwarded = false;
    const boost::json::object all = to_json(options);
    queues.push_back(boost::json::object{
        {"name", all.at("name")}, {"filter", all.at("filter")}, {"mode", all.at("mode")}});
  }
  boost::json::object body;
  body["topic"] = *topic;
  body["queues"] = std::move(queues);
  body["forwarded"] = forwarded;
  done(json_reply(body));
}

void list_consumers(const Call& call, const Done& done) {
  if (auto known = check_params(call, {"queue", "limit", "cursor"}); !known)
    return done(error_reply(known.error()));
  const auto limit = number_param(call, "limit", kQueuesOfAPage, {1, kMostOfAPage});
  if (!limit) return done(error_reply(limit.error()));
  const auto after = number_cursor_param(call, CursorKind::consumers);
  if (!after) return done(error_reply(after.error()));
  const std::string queue = text_param(call, "queue").value_or("");
  if (!queue.empty() && !call.api.queue(queue)) return done(no_such_queue(queue));
  boost::json::array consumers;
  boost::json::object body;
  std::uint64_t last = 0;
  for (const ConsumerInfo& info : call.api.consumers(queue)) {
    if (info.view.consumer.value <= *after) continue;
    if (consumers.size() == *limit) {
      body["next_cursor"] = make_cursor(CursorKind::consumers, std::to_string(last));
      break;
    }
    last = info.view.consumer.value;
    consumers.push_back(to_json(info));
  }
  body["consumers"] = std::move(consumers);
  done(json_reply(body));
}

}  // namespace admin
