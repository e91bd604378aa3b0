#include "proxy/admin/server.h"

#include <filesystem>
#include <set>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "proxy/admin/connection.h"
#include "proxy/admin/listen.h"
#include "proxy/admin/routes.h"

namespace admin {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

// After an accept that failed for want of file descriptors.
constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

// Shared with the coroutines, which may live on for a moment after the server.
struct Server::State : std::enable_shared_from_this<Server::State> {
  State(Acceptor listening, proxy::Endpoint at, Api& asked, ServerLimits limited)
      : acceptor(std::move(listening)), endpoint(std::move(at)), api(asked), limits(limited) {}

  void start();
  void stop();
  void take(Connection::Stream::socket_type socket);
  void handle(const Request& request, std::function<void(Reply)> done);
  static asio::awaitable<void> accept(std::shared_ptr<State> self);
  static asio::awaitable<void> serve(std::shared_ptr<State> self,
                                     std::shared_ptr<Connection> connection);

  Acceptor acceptor;
  proxy::Endpoint endpoint;
  Api& api;  // not to be used once stopped
  ServerLimits limits;
  std::set<std::shared_ptr<Connection>> connections;
  bool stopped = false;
};

void Server::State::start() {
  asio::co_spawn(acceptor.get_executor(), accept(shared_from_this()), asio::detached);
}

void Server::State::stop() {
  if (std::exchange(stopped, true)) return;
  std::error_code gone;
  if (endpoint.is_unix()) std::filesystem::remove(endpoint.path, gone);
  error_code closed;
  acceptor.close(closed);
  for (const auto& connection : connections) connection->close();
  connections.clear();
}

asio::awaitable<void> Server::State::accept(std::shared_ptr<State> self) {
  asio::steady_timer pause(self->acceptor.get_executor());
  while (!self->stopped) {
    error_code failed;
    Connection::Stream::socket_type socket =
        co_await self->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, failed));
    if (self->stopped) break;
    if (!failed) {
      self->take(std::move(socket));
      continue;
    }
    pause.expires_after(kAcceptPause);
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, failed));
  }
}

void Server::State::take(Connection::Stream::socket_type socket) {
  auto connection = std::make_shared<Connection>(
      std::move(socket), limits,
      [self = weak_from_this()](const Request& request, std::function<void(Reply)> done) {
        if (const auto state = self.lock()) state->handle(request, std::move(done));
      });
  connections.insert(connection);
  asio::co_spawn(acceptor.get_executor(), serve(shared_from_this(), connection), asio::detached);
}

asio::awaitable<void> Server::State::serve(std::shared_ptr<State> self,
                                           std::shared_ptr<Connection> connection) {
  if (self->connections.size() > self->limits.max_connections) {
    Reply busy = error_reply(http::status::service_unavailable, "unavailable",
                             "too many admin connections are open; try again");
    co_await connection->refuse(std::move(busy));
  } else {
    co_await connection->serve();
  }
  self->connections.erase(connection);
}

void Server::State::handle(const Request& request, std::function<void(Reply)> done) {
  if (stopped)
    return done(error_reply(http::status::service_unavailable, "unavailable", "shutting down"));
  answer(request, endpoint, api, std::move(done));
}

dispatch::Result<std::unique_ptr<Server>> Server::open(asio::io_context& core,
                                                       const proxy::Endpoint& endpoint, Api& api,
                                                       ServerLimits limits) {
  proxy::Endpoint bound = endpoint;
  dispatch::Result<Acceptor> acceptor = listen(core, bound);
  if (!acceptor) return acceptor.error();
  auto state = std::make_shared<State>(std::move(*acceptor), std::move(bound), api, limits);
  state->start();
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() { stop(); }
proxy::Endpoint Server::local() const { return state_->endpoint; }
void Server::stop() { state_->stop(); }

}  // namespace admin
