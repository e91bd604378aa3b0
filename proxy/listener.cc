#include "proxy/listener.h"

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "proxy/log.h"

namespace proxy {

namespace asio = boost::asio;
using asio::ip::tcp;

Listener::Listener(asio::io_context& core, const Endpoint& endpoint, Accept accept)
    : endpoint_(endpoint), accept_(std::move(accept)), acceptor_(core), pause_(core) {}

dispatch::Result<std::unique_ptr<Listener>> Listener::open(asio::io_context& core,
                                                           const Endpoint& endpoint,
                                                           Accept accept) {
  const auto failed = [&](const std::string& why) {
    return dispatch::Error{
        dispatch::ErrorKind::unavailable,
        "listen address " + to_text(endpoint) + ": " + why + "; choose another with --listen"};
  };
  boost::system::error_code error;
  tcp::resolver resolver(core);
  const auto found =
      resolver.resolve(endpoint.host, std::to_string(endpoint.port), tcp::resolver::passive, error);
  if (error || found.empty()) return failed(error.message());
  const tcp::endpoint address = *found.begin();

  std::unique_ptr<Listener> listener(new Listener(core, endpoint, std::move(accept)));
  tcp::acceptor& acceptor = listener->acceptor_;
  acceptor.open(address.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(address, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return failed(error.message());
  asio::co_spawn(core, listener->accept_loop(), asio::detached);
  return listener;
}

Endpoint Listener::local() const {
  Endpoint local = endpoint_;
  local.port = acceptor_.local_endpoint().port();
  return local;
}

void Listener::stop() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

asio::awaitable<void> Listener::accept_loop() {
  while (acceptor_.is_open()) {
    auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
    if (!error) {
      if (!accept_(std::move(socket))) log().warn("a connection is refused: max_connections");
      continue;
    }
    if (error == asio::error::operation_aborted) break;
    // Out of file descriptors, most likely: trying again at once would only burn the CPU.
    log().warn("accept: {}", error.message());
    pause_.expires_after(std::chrono::milliseconds(200));
    co_await pause_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

}  // namespace proxy
