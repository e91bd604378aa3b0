#pragma once

#include <functional>
#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "proxy/admin/listen.h"
#include "proxy/admin/routes.h"
#include "proxy/admin/server.h"

namespace admin {

// One HTTP connection: reads requests one after the other, as many as the client sends ahead, and
// answers each before it looks at the next.
class Connection {
 public:
  using Stream = boost::beast::basic_stream<Protocol, boost::asio::io_context::executor_type,
                                            boost::beast::unlimited_rate_policy>;
  // Answers one request, now or later, once.
  using Handler = std::function<void(const Request&, std::function<void(Reply)>)>;

  Connection(Stream::socket_type socket, const ServerLimits& limits, Handler handler);

  // Until the client goes, the idle timeout comes or close() is called.
  boost::asio::awaitable<void> serve();
  // Says one thing to whoever has connected, and goes.
  boost::asio::awaitable<void> refuse(Reply reply);
  void close();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Response = boost::beast::http::response<boost::beast::http::string_body>;

  boost::asio::awaitable<boost::beast::error_code> read(Parser& parser);
  boost::asio::awaitable<bool> write(Response response, bool head_only);
  boost::asio::awaitable<Reply> ask(const Request& request);
  boost::asio::awaitable<void> linger();

  Stream stream_;
  ServerLimits limits_;
  Handler handler_;
  boost::beast::flat_buffer buffer_;
};

}  // namespace admin
