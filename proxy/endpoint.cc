#include "proxy/endpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <boost/asio/ip/address.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/pchars.hpp>
#include <boost/url/url_view.hpp>

namespace proxy {
namespace {

using dispatch::Error;
using dispatch::Result;

constexpr std::string_view kForms =
    "takes SCHEME://HOST:PORT with mqtt, mqtts, ws, wss or http, or http+unix:///PATH (IPv6 in "
    "brackets)";

// sun_path has 108 bytes, one of them for the terminating zero.
constexpr std::size_t kMaxUnixPath = 107;

Error bad(std::string_view text, std::string_view why) {
  return dispatch::invalid("'" + std::string(text) + "' " + std::string(why));
}

bool is_planned(std::string_view scheme) {
  static constexpr std::array<std::string_view, 3> kPlanned = {"https", "unix", "mqtt+unix"};
  return std::find(kPlanned.begin(), kPlanned.end(), scheme) != kPlanned.end();
}

struct Scheme {
  std::string_view name;
  std::uint16_t port;
};
constexpr Scheme kSchemes[] = {{"mqtt", 1883}, {"mqtts", 8883}, {"ws", 80},
                               {"wss", 443},   {"http", 8480},  {"http+unix", 0}};

const Scheme* find_scheme(std::string_view name) {
  const auto* found = std::find_if(std::begin(kSchemes), std::end(kSchemes),
                                   [&](const Scheme& known) { return known.name == name; });
  return found == std::end(kSchemes) ? nullptr : found;
}

bool is_http(const Endpoint& endpoint) { return endpoint.scheme.starts_with("http"); }

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_' || c == ':';
}

Result<Endpoint> unix_endpoint(std::string_view text, const boost::urls::url_view& url) {
  Endpoint endpoint{"http+unix", {}, 0, url.path()};
  if (!url.host().empty() || url.has_port())
    return bad(text, "has a host before the path: takes http+unix:///PATH, with three slashes");
  if (endpoint.path.size() < 2 || endpoint.path.front() != '/' || endpoint.path.back() == '/')
    return bad(text, "has no socket file: takes http+unix:///PATH");
  if (endpoint.path.find('\0') != std::string::npos)
    return bad(text, "has a zero byte in its path");
  if (endpoint.path.size() > kMaxUnixPath)
    return bad(text, "has a path of more than 107 bytes, the most a unix socket can have");
  return endpoint;
}

Result<Endpoint> tcp_endpoint(std::string_view text, const boost::urls::url_view& url,
                              const std::string& scheme) {
  const std::string path(url.encoded_path().data(), url.encoded_path().size());
  const bool has_path = !path.empty() && path != "/";
  Endpoint endpoint{scheme, url.host_address(), 0, {}};
  if (endpoint.is_websocket()) {
    endpoint.path = has_path ? path : "/mqtt";
  } else if (has_path) {
    return bad(text, "has a path: takes " + scheme + "://HOST:PORT");
  }
  if (endpoint.host.empty()) return bad(text, "has no host: takes " + scheme + "://HOST:PORT");
  if (!std::all_of(endpoint.host.begin(), endpoint.host.end(), is_host_char))
    return bad(text, "has characters in its host that no name or address has");
  // Read by us: port_number() takes 99999 for 34463.
  const std::string digits(url.port().data(), url.port().size());
  if (digits.empty()) {
    endpoint.port = find_scheme(scheme)->port;
    return endpoint;
  }
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  if (read.ec != std::errc{}) return bad(text, "has a port out of range: takes 0..65535");
  return endpoint;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto url = boost::urls::parse_uri({text.data(), text.size()});
  if (!url) return bad(text, "is not an address: " + std::string(kForms));
  std::string scheme(url->scheme().data(), url->scheme().size());
  std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (is_planned(scheme)) return bad(text, "asks for " + scheme + ", which is not built yet");
  if (find_scheme(scheme) == nullptr)
    return bad(text, "has an unknown scheme: " + std::string(kForms));
  if (url->has_userinfo())
    return bad(text, "has a user name: clients' own credentials are used, none is given here");
  if (url->has_query() || url->has_fragment())
    return bad(text, "has a query or fragment: " + std::string(kForms));
  return scheme == "http+unix" ? unix_endpoint(text, *url) : tcp_endpoint(text, *url, scheme);
}

Result<Endpoint> parse_endpoint(std::string_view text, Role role) {
  Result<Endpoint> endpoint = parse_endpoint(text);
  if (!endpoint) return endpoint;
  const bool mqtt = role == Role::mqtt_listener || role == Role::mqtt_peer;
  if (role == Role::mqtt_peer && is_http(*endpoint))
    return bad(text, "is no broker: takes mqtt://, mqtts://, ws:// or wss:// and HOST:PORT");
  if (role == Role::mqtt_listener && is_http(*endpoint))
    return bad(text, "is not mqtt: takes mqtt://HOST:PORT");
  if (role == Role::mqtt_listener && endpoint->scheme != "mqtt")
    return bad(text, "asks for " + endpoint->scheme + " to clients, which is not built yet");
  if (!mqtt && !is_http(*endpoint))
    return bad(text, "is not http: takes http://HOST:PORT or http+unix:///PATH");
  const bool peer = role == Role::mqtt_peer || role == Role::admin_peer;
  if (peer && !endpoint->is_unix() && endpoint->port == 0)
    return bad(text, "has port 0, which only a listener can have: takes 1..65535");
  return endpoint;
}

std::string to_text(const Endpoint& endpoint) {
  if (endpoint.is_unix())
    return "http+unix://" + boost::urls::encode(endpoint.path, boost::urls::pchars + '/');
  return endpoint.scheme + "://" + authority(endpoint) + endpoint.path;
}

std::string authority(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return endpoint.path;
  const bool brackets = endpoint.host.find(':') != std::string::npos;
  return (brackets ? "[" + endpoint.host + "]" : endpoint.host) + ":" +
         std::to_string(endpoint.port);
}

bool is_local(const Endpoint& endpoint) {
  if (endpoint.is_unix() || endpoint.host == "localhost") return true;
  boost::system::error_code failed;
  const auto address = boost::asio::ip::make_address(endpoint.host, failed);
  return !failed && address.is_loopback();
}

}  // namespace proxy
