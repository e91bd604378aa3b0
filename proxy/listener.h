#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "dispatch/result.h"
#include "proxy/endpoint.h"

namespace proxy {

// Accepts TCP connections on the core thread and hands each one over.
class Listener {
 public:
  // False: no more connections at present; the socket is closed.
  using Accept = std::function<bool(boost::asio::ip::tcp::socket)>;

  // Listens at once. Errors name the address and the mend.
  static dispatch::Result<std::unique_ptr<Listener>> open(boost::asio::io_context& core,
                                                          const Endpoint& endpoint, Accept accept);
  // With the port that was found for port 0.
  Endpoint local() const;
  void stop();

 private:
  Listener(boost::asio::io_context& core, const Endpoint& endpoint, Accept accept);
  boost::asio::awaitable<void> accept_loop();

  Endpoint endpoint_;
  Accept accept_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
};

}  // namespace proxy
