#pragma once

#include <functional>
#include <string>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "proxy/admin/api.h"
#include "proxy/endpoint.h"

// What each request means: method and path to a call of the Api, its answer to status and body.
// No sockets here.

namespace admin {

using Request = boost::beast::http::request<boost::beast::http::string_body>;

struct Reply {
  boost::beast::http::status status = boost::beast::http::status::ok;
  std::string body;
  std::string content_type = "application/json";
  std::string allow;     // of a 405: the methods there are
  std::string location;  // of a 201
};

Reply error_reply(boost::beast::http::status status, std::string_view kind,
                  std::string_view message);

// Calls `done` once: now, or when the Api has answered. `listener` is where the request came in:
// the API has no passwords, so on a loopback address pages in a browser must not reach it by a
// host name that somebody points here (DNS rebinding), nor from a foreign Origin anywhere.
void answer(const Request& request, const proxy::Endpoint& listener, Api& api,
            std::function<void(Reply)> done);

}  // namespace admin
