#include "proxy/admin/connection.h"

#include <array>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>

namespace admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using beast::error_code;

// Completes with the error instead of throwing it.
constexpr auto kToken = [](error_code& failed) {
  return asio::redirect_error(asio::use_awaitable, failed);
};

// How long and how much is read and thrown away after a refusal, so that the client gets to read
// it: closing a socket with unread bytes resets the connection.
constexpr std::chrono::seconds kLinger{1};
constexpr std::size_t kLingerBytes = 4u << 20;

http::response<http::string_body> make_response(const Reply& reply, unsigned version,
                                                bool keep_alive) {
  http::response<http::string_body> response(reply.status, version);
  response.set(http::field::server, "sluice/" SLUICE_VERSION);
  response.set(http::field::content_type, reply.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (!reply.allow.empty()) response.set(http::field::allow, reply.allow);
  if (!reply.location.empty()) response.set(http::field::location, reply.location);
  response.keep_alive(keep_alive);
  response.body() = reply.body;
  response.prepare_payload();
  return response;
}

// The answer to bytes that are no request; nothing if there is nobody to answer.
std::optional<Reply> reply_to(error_code failed) {
  if (failed == http::error::body_limit)
    return error_reply(http::status::payload_too_large, "too_large", "the body is too large");
  if (failed == http::error::header_limit)
    return error_reply(http::status::request_header_fields_too_large, "too_large",
                       "the header is too large");
  static const error_code kAny = http::make_error_code(http::error::bad_method);
  if (failed.category() != kAny.category() || failed == http::error::end_of_stream ||
      failed == http::error::partial_message)
    return std::nullopt;
  return error_reply(http::status::bad_request, "invalid",
                     "not an HTTP/1.1 request: " + failed.message());
}

}  // namespace

Connection::Connection(Stream::socket_type socket, const ServerLimits& limits, Handler handler)
    : stream_(std::move(socket)), limits_(limits), handler_(std::move(handler)) {}

void Connection::close() { stream_.close(); }

asio::awaitable<void> Connection::serve() {
  bool keep_alive = true;
  while (keep_alive) {
    Parser parser;
    const error_code failed = co_await read(parser);
    if (failed) {
      const std::optional<Reply> refusal = reply_to(failed);
      if (refusal) co_await refuse(*refusal);
      break;
    }
    const Request request = parser.release();
    const Reply reply = co_await ask(request);
    keep_alive = request.keep_alive();
    Response response = make_response(reply, request.version(), keep_alive);
    const bool head_only = request.method() == http::verb::head;
    if (!co_await write(std::move(response), head_only)) break;
  }
  close();
}

asio::awaitable<void> Connection::refuse(Reply reply) {
  Response response = make_response(reply, 11, false);
  if (co_await write(std::move(response), false)) co_await linger();
  close();
}

asio::awaitable<error_code> Connection::read(Parser& parser) {
  parser.header_limit(limits_.max_header_bytes);
  parser.body_limit(limits_.max_body_bytes);
  stream_.expires_after(limits_.idle_timeout);
  error_code failed;
  co_await http::async_read_header(stream_, buffer_, parser, kToken(failed));
  if (failed) co_return failed;
  if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go_on(http::status::continue_, 11);
    co_await http::async_write(stream_, go_on, kToken(failed));
    if (failed) co_return failed;
  }
  co_await http::async_read(stream_, buffer_, parser, kToken(failed));
  co_return failed;
}

asio::awaitable<bool> Connection::write(Response response, bool head_only) {
  stream_.expires_after(limits_.idle_timeout);
  http::response_serializer<http::string_body> serializer(response);
  error_code failed;
  if (head_only)
    co_await http::async_write_header(stream_, serializer, kToken(failed));
  else
    co_await http::async_write(stream_, serializer, kToken(failed));
  co_return !failed;
}

// Turns the handler's call back into something to wait for. The answer may take as long as the
// disk does, so no timeout runs meanwhile; it is posted, because it may come before we wait.
asio::awaitable<Reply> Connection::ask(const Request& request) {
  stream_.expires_never();
  const auto start = [this, &request](auto completion) {
    auto shared = std::make_shared<decltype(completion)>(std::move(completion));
    handler_(request, [executor = stream_.get_executor(), shared](Reply reply) {
      asio::post(executor, [shared, reply = std::move(reply)]() mutable {
        std::move (*shared)(std::move(reply));
      });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Reply)>(
      start, asio::use_awaitable);
}

asio::awaitable<void> Connection::linger() {
  error_code failed;
  stream_.socket().shutdown(asio::socket_base::shutdown_send, failed);
  stream_.expires_after(kLinger);
  std::array<char, 4096> unread;
  for (std::size_t total = 0; !failed && total < kLingerBytes;)
    total += co_await stream_.async_read_some(asio::buffer(unread), kToken(failed));
}

}  // namespace admin
