#include "proxy/admin/routes.h"

#include <utility>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "proxy/admin/call.h"
#include "proxy/admin/json.h"
#include "proxy/admin/metrics.h"
#include "proxy/admin/route_groups.h"
#include "proxy/admin/route_journal.h"
#include "proxy/admin/route_messages.h"
#include "proxy/admin/route_queues.h"

namespace admin {
namespace {

namespace http = boost::beast::http;
namespace urls = boost::urls;
using http::status;
using http::verb;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

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

// --- The routes ---

void get_health(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  const Health health = call.api.health();
  done(json_reply(to_json(health), health.ok ? status::ok : status::service_unavailable));
}

void get_version(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  boost::json::object body;
  body["name"] = "sluice";
  body["version"] = SLUICE_VERSION;
  done(json_reply(body));
}

void get_metrics(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  Reply reply;
  reply.body = metrics_text(call.api);
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  done(std::move(reply));
}

struct Route {
  std::vector<std::string_view> path;  // "*" stands for one segment
  verb method;
  void (*handle)(const Call&, const Done&);
};

const std::vector<Route>& routes() {
  static const std::vector<Route> kRoutes = {
      {{"healthz"}, verb::get, get_health},
      {{"metrics"}, verb::get, get_metrics},
      {{"api", "v1", "version"}, verb::get, get_version},
      {{"api", "v1", "queues"}, verb::get, list_queues},
      {{"api", "v1", "queues"}, verb::post, create_queue},
      {{"api", "v1", "queues", "*"}, verb::get, show_queue},
      {{"api", "v1", "queues", "*"}, verb::patch, update_queue},
      {{"api", "v1", "queues", "*"}, verb::delete_, delete_queue},
      {{"api", "v1", "queues", "*", "mailboxes"}, verb::get, list_mailboxes},
      {{"api", "v1", "queues", "*", "purge"}, verb::post, purge_messages},
      {{"api", "v1", "queues", "*", "messages"}, verb::get, list_messages},
      {{"api", "v1", "queues", "*", "messages", "*"}, verb::get, show_message},
      {{"api", "v1", "queues", "*", "dead"}, verb::get, list_dead},
      {{"api", "v1", "queues", "*", "dead", "redrive"}, verb::post, redrive_dead},
      {{"api", "v1", "queues", "*", "dead", "purge"}, verb::post, purge_dead},
      {{"api", "v1", "queues", "*", "dead", "*"}, verb::get, show_dead},
      {{"api", "v1", "queues", "*", "groups"}, verb::get, list_groups},
      {{"api", "v1", "queues", "*", "groups"}, verb::post, create_group},
      {{"api", "v1", "queues", "*", "groups", "*"}, verb::get, show_group},
      {{"api", "v1", "queues", "*", "groups", "*"}, verb::delete_, delete_group},
      {{"api", "v1", "queues", "*", "groups", "*", "seek"}, verb::post, seek_group},
      {{"api", "v1", "route"}, verb::get, show_route},
      {{"api", "v1", "journal", "backup"}, verb::get, show_backup},
      {{"api", "v1", "journal", "backup"}, verb::post, begin_backup},
      {{"api", "v1", "consumers"}, verb::get, list_consumers},
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

void answer(const Request& request, const proxy::Endpoint& listener, Api& api, Done done) {
  if (is_foreign(request, listener))
    return done(error_reply(status::forbidden, "forbidden",
                            "a web page of another site may not use this API; ask by address or "
                            "localhost, without Origin"));
  const auto url = urls::parse_origin_form({request.target().data(), request.target().size()});
  if (!url)
    return done(error_reply(status::bad_request, "invalid",
                            "the request target is not a path: " + url.error().message()));
  Call call{request, {}, {}, api};
  for (const auto& segment : url->segments()) call.path.emplace_back(segment);
  for (const auto& param : url->params()) call.params.emplace_back(param.key, param.value);
  dispatch_call(call, done);
}

}  // namespace admin
