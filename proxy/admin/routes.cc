#include "proxy/admin/routes.h"

#include <utility>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <boost/url/url_view.hpp>

#include "proxy/admin/json.h"

namespace admin {
namespace {

namespace http = boost::beast::http;
namespace urls = boost::urls;
using http::status;
using http::verb;
using Done = std::function<void(Reply)>;

struct Call {
  const Request& request;
  std::vector<std::string> path;  // decoded segments
  std::vector<std::pair<std::string, std::string>> params;
  Api& api;
};

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

Reply json_reply(const boost::json::object& body, status code = status::ok) {
  Reply reply;
  reply.status = code;
  reply.body = boost::json::serialize(body);
  return reply;
}

Reply error_reply(const dispatch::Error& error) {
  switch (error.kind) {
    case dispatch::ErrorKind::invalid:
      return admin::error_reply(status::bad_request, "invalid", error.text);
    case dispatch::ErrorKind::exists:
      return admin::error_reply(status::conflict, "exists", error.text);
    case dispatch::ErrorKind::not_found:
      return admin::error_reply(status::not_found, "not_found", error.text);
    case dispatch::ErrorKind::unavailable:
      break;
  }
  return admin::error_reply(status::service_unavailable, "unavailable", error.text);
}

Reply no_such_queue(const std::string& name) {
  return admin::error_reply(status::not_found, "not_found", "there is no queue '" + name + "'");
}

Reply bad_request(const std::string& message) {
  return admin::error_reply(status::bad_request, "invalid", message);
}

// --- Who may ask ---

// HOST of HOST:PORT or [IPV6]:PORT.
std::string_view host_of(std::string_view host_and_port) {
  if (host_and_port.starts_with('['))
    return host_and_port.substr(1, std::min(host_and_port.find(']'), host_and_port.size()) - 1);
  return host_and_port.substr(0, host_and_port.find(':'));
}

// A name that an attacker's DNS can't point at us: an address, localhost, or our own.
bool is_own_host(std::string_view host_header, const proxy::Endpoint& listener) {
  const std::string host(host_of(host_header));
  if (host == "localhost" || host == listener.host) return true;
  boost::system::error_code failed;
  boost::asio::ip::make_address(host, failed);
  return !failed;
}

bool is_foreign(const Request& request, const proxy::Endpoint& listener) {
  if (listener.is_unix()) return false;  // no browser gets there
  const std::string_view host = view(request[http::field::host]);
  if (proxy::is_local(listener) && !is_own_host(host, listener)) return true;
  const auto origin = request.find(http::field::origin);
  return origin != request.end() && view(origin->value()) != "http://" + std::string(host);
}

bool is_json(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  const std::string_view trimmed = type.substr(0, type.find_last_not_of(" \t") + 1);
  return boost::beast::iequals({trimmed.data(), trimmed.size()}, "application/json");
}

// --- The routes ---

void get_health(const Call& call, const Done& done) {
  const Health health = call.api.health();
  done(json_reply(to_json(health), health.ok ? status::ok : status::service_unavailable));
}

void get_version(const Call&, const Done& done) {
  boost::json::object body;
  body["name"] = "sluice";
  body["version"] = SLUICE_VERSION;
  done(json_reply(body));
}

void list_queues(const Call& call, const Done& done) {
  boost::json::array queues;
  for (const dispatch::QueueStats& stats : call.api.queues()) queues.push_back(to_json(stats));
  boost::json::object body;
  body["queues"] = std::move(queues);
  done(json_reply(body));
}

void show_queue(const Call& call, const Done& done) {
  const auto stats = call.api.queue(call.path.back());
  done(stats ? json_reply(to_json(*stats)) : no_such_queue(call.path.back()));
}

Reply created(Api& api, const dispatch::QueueOptions& options) {
  const auto stats = api.queue(options.name);
  Reply reply = json_reply(stats ? to_json(*stats) : to_json(options), status::created);
  reply.location = "/api/v1/queues/" + urls::encode(options.name, urls::unreserved_chars);
  return reply;
}

void create_queue(const Call& call, const Done& done) {
  if (!is_json(view(call.request[http::field::content_type])))
    return done(admin::error_reply(status::unsupported_media_type, "unsupported_media_type",
                                   "takes a body of Content-Type application/json"));
  const auto options = queue_options_from_json(call.request.body());
  if (!options) return done(error_reply(options.error()));
  call.api.create_queue(
      *options, [&api = call.api, options = *options, done](const dispatch::Result<void>& result) {
        done(result ? created(api, options) : error_reply(result.error()));
      });
}

struct DeleteParams {
  bool force = false;
  bool if_empty = false;
};

dispatch::Result<DeleteParams> delete_params(const Call& call) {
  DeleteParams params;
  for (const auto& [name, value] : call.params) {
    if (name != "force" && name != "if_empty")
      return dispatch::invalid("unknown parameter '" + name + "': takes force or if_empty");
    if (value != "true" && value != "false")
      return dispatch::invalid("parameter '" + name + "' takes true or false");
    (name == "force" ? params.force : params.if_empty) = value == "true";
  }
  if (params.force && params.if_empty)
    return dispatch::invalid("force and if_empty exclude each other");
  return params;
}

std::string count_of(const dispatch::QueueStats& stats) {
  const std::uint64_t messages = stats.ready + stats.in_flight;
  return std::to_string(messages) + (messages == 1 ? " message" : " messages") + " (ready " +
         std::to_string(stats.ready) + ", in flight " + std::to_string(stats.in_flight) + ")";
}

// Without force only an empty queue goes. Look and removal are one step of the core thread, so no
// message can slip in between.
void delete_queue(const Call& call, const Done& done) {
  const std::string name = call.path.back();
  const auto params = delete_params(call);
  if (!params) return done(error_reply(params.error()));
  const auto stats = call.api.queue(name);
  if (!stats) return done(no_such_queue(name));
  const std::uint64_t messages = stats->ready + stats->in_flight;
  if (messages > 0 && !params->force)
    return done(admin::error_reply(
        status::conflict, "not_empty",
        "queue '" + name + "' holds " + count_of(*stats) + "; force deletes them with it"));
  boost::json::object body;
  body["name"] = name;
  body["deleted_messages"] = messages;
  call.api.delete_queue(name, [done, body](const dispatch::Result<void>& result) {
    done(result ? json_reply(body) : error_reply(result.error()));
  });
}

struct Route {
  std::vector<std::string_view> path;  // "*" stands for one segment
  verb method;
  void (*handle)(const Call&, const Done&);
};

const std::vector<Route>& routes() {
  static const std::vector<Route> kRoutes = {
      {{"healthz"}, verb::get, get_health},
      {{"api", "v1", "version"}, verb::get, get_version},
      {{"api", "v1", "queues"}, verb::get, list_queues},
      {{"api", "v1", "queues"}, verb::post, create_queue},
      {{"api", "v1", "queues", "*"}, verb::get, show_queue},
      {{"api", "v1", "queues", "*"}, verb::delete_, delete_queue},
  };
  return kRoutes;
}

bool matches(const Route& route, const std::vector<std::string>& path) {
  if (route.path.size() != path.size()) return false;
  for (std::size_t i = 0; i < path.size(); ++i)
    if (route.path[i] != path[i] && (route.path[i] != "*" || path[i].empty())) return false;
  return true;
}

bool takes(const Route& route, verb method) {
  return route.method == method || (route.method == verb::get && method == verb::head);
}

void dispatch_call(const Call& call, const Done& done) {
  std::string allow;
  for (const Route& route : routes()) {
    if (!matches(route, call.path)) continue;
    if (takes(route, call.request.method())) return route.handle(call, done);
    allow += (allow.empty() ? "" : ", ") + std::string(http::to_string(route.method));
    if (route.method == verb::get) allow += ", HEAD";
  }
  if (allow.empty())
    return done(admin::error_reply(status::not_found, "not_found",
                                   "there is nothing at this path; docs/api/openapi.yaml lists "
                                   "what there is"));
  Reply reply = admin::error_reply(status::method_not_allowed, "method_not_allowed",
                                   "this path takes " + allow);
  reply.allow = allow;
  done(std::move(reply));
}

}  // namespace

Reply error_reply(status code, std::string_view kind, std::string_view message) {
  return json_reply(error_json(kind, message), code);
}

void answer(const Request& request, const proxy::Endpoint& listener, Api& api, Done done) {
  if (is_foreign(request, listener))
    return done(error_reply(status::forbidden, "forbidden",
                            "a web page of another site may not use this API; ask by address or "
                            "localhost, without Origin"));
  const auto url = urls::parse_origin_form({request.target().data(), request.target().size()});
  if (!url) return done(bad_request("the request target is not a path: " + url.error().message()));
  Call call{request, {}, {}, api};
  for (const auto& segment : url->segments()) call.path.emplace_back(segment);
  for (const auto& param : url->params()) call.params.emplace_back(param.key, param.value);
  if (!call.params.empty() && request.method() != verb::delete_)
    return done(bad_request("unknown parameter '" + call.params.front().first + "'"));
  dispatch_call(call, done);
}

}  // namespace admin
