#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <boost/beast/http/verb.hpp>
#include <boost/json/value.hpp>

#include "dispatch/result.h"
#include "proxy/endpoint.h"

// The blocking client of the HTTP API, for the command line: one request, one connection.

namespace admin {

class Client {
 public:
  struct Answer {
    unsigned status = 0;  // of HTTP
    boost::json::value body;
    bool ok() const { return status >= 200 && status < 300; }
    // error.kind and error.message of the body; empty if it has none.
    std::string error_kind() const;
    std::string error_message() const;
  };

  // `timeout` is for one request as a whole, from looking up the name to the last byte.
  Client(proxy::Endpoint endpoint, std::chrono::milliseconds timeout);

  // `target` is path and query, percent-encoded; `body` is sent as JSON if it isn't empty. An
  // error means that there is no answer of a Sluice: not reachable, too slow, or somebody else.
  dispatch::Result<Answer> request(boost::beast::http::verb method, std::string_view target,
                                   std::string_view body = {});

 private:
  proxy::Endpoint endpoint_;
  std::chrono::milliseconds timeout_;
};

std::string percent_encoded(std::string_view text);
// /api/v1/queues/NAME, percent-encoded.
std::string queue_target(std::string_view name);

}  // namespace admin
