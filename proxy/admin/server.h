#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "dispatch/result.h"
#include "proxy/admin/api.h"
#include "proxy/endpoint.h"

// The HTTP API on loopback TCP or a unix socket: HTTP/1.1 with keep-alive and pipelining, on the
// core thread. docs/api/openapi.yaml describes it. It has no passwords: who reaches the address
// may do everything, so addresses that are not proxy::is_local() deserve a warning in the log.

namespace admin {

struct ServerLimits {
  std::size_t max_connections = 64;  // one more gets 503 and is closed
  std::uint64_t max_body_bytes = 1u << 20;
  std::uint32_t max_header_bytes = 8192;
  std::chrono::milliseconds idle_timeout{30'000};  // for a whole request, and for a whole answer
};

class Server {
 public:
  // Listens at once; `core` and `api` must outlive the server. A unix socket file is made with mode
  // 0600; one that is left over (nobody answers on it) is replaced. Errors name the address and
  // what is wrong: in use, not permitted, no such host.
  static dispatch::Result<std::unique_ptr<Server>> open(boost::asio::io_context& core,
                                                        const proxy::Endpoint& endpoint, Api& api,
                                                        ServerLimits limits = {});
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where it listens, with the port that was found for port 0.
  proxy::Endpoint local() const;

  // Closes listener and connections, removes its socket file; the Api isn't called any more. What
  // is left of its operations needs `core` to run once more, or to be destroyed.
  void stop();

 private:
  struct State;
  explicit Server(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace admin
