#include "proxy/admin/client.h"

#include <optional>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

namespace admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using beast::error_code;
using dispatch::Error;
using dispatch::ErrorKind;
using dispatch::Result;
using Protocol = asio::generic::stream_protocol;
using Stream =
    beast::basic_stream<Protocol, asio::io_context::executor_type, beast::unlimited_rate_policy>;
using Message = http::request<http::string_body>;
using Response = http::response<http::string_body>;

// A list of 100,000 queues with their counters is some 50 MB.
constexpr std::uint64_t kMaxAnswerBytes = 256u << 20;

// One exchange as it goes; `failed` stays "timed out" until it is over.
struct Exchange {
  explicit Exchange(asio::io_context& core) : stream(core.get_executor()) {}
  Stream stream;
  http::response_parser<http::string_body> parser;
  error_code failed = beast::error::timeout;
};

asio::awaitable<error_code> connect(Exchange& exchange, const proxy::Endpoint& to) {
  error_code failed;
  auto token = asio::redirect_error(asio::use_awaitable, failed);
  if (to.is_unix()) {
    const Protocol::endpoint at = asio::local::stream_protocol::endpoint(to.path);
    co_await exchange.stream.async_connect(at, token);
    co_return failed;
  }
  tcp::resolver resolver(exchange.stream.get_executor());
  const auto found = co_await resolver.async_resolve(to.host, std::to_string(to.port), token);
  if (failed) co_return failed;
  for (const auto& entry : found) {
    const Protocol::endpoint at = entry.endpoint();
    co_await exchange.stream.async_connect(at, token);
    if (!failed) break;
    exchange.stream.close();
  }
  co_return failed;
}

asio::awaitable<void> converse(Exchange& exchange, const proxy::Endpoint& to,
                               const Message& message) {
  error_code failed = co_await connect(exchange, to);
  auto token = asio::redirect_error(asio::use_awaitable, failed);
  if (!failed) co_await http::async_write(exchange.stream, message, token);
  // A server that refuses while we still write has said why: look before giving up.
  beast::flat_buffer buffer;
  exchange.parser.body_limit(kMaxAnswerBytes);
  if (exchange.stream.socket().is_open())
    co_await http::async_read(exchange.stream, buffer, exchange.parser, token);
  exchange.failed = failed;
}

Message make_message(const proxy::Endpoint& to, http::verb method, std::string_view target,
                     std::string_view body) {
  Message message(method, {target.data(), target.size()}, 11);
  message.set(http::field::host, to.is_unix() ? "localhost" : authority(to));
  message.set(http::field::user_agent, "sluice/" SLUICE_VERSION);
  message.set(http::field::accept, "application/json");
  message.keep_alive(false);
  if (!body.empty()) message.set(http::field::content_type, "application/json");
  message.body() = body;
  message.prepare_payload();
  return message;
}

Error unreachable(const proxy::Endpoint& to, const std::string& why) {
  return {ErrorKind::unavailable, "cannot reach Sluice at " + to_text(to) + ": " + why +
                                      "; is `sluice serve` running there? --admin or "
                                      "SLUICE_ADMIN says where to ask"};
}

std::string error_field(const boost::json::value& body, const char* field) {
  const auto* object = body.if_object();
  const auto* error = object != nullptr ? object->if_contains("error") : nullptr;
  const auto* inner = error != nullptr ? error->if_object() : nullptr;
  const auto* text = inner != nullptr ? inner->if_contains(field) : nullptr;
  if (text == nullptr || !text->is_string()) return {};
  return {text->get_string().data(), text->get_string().size()};
}

Result<Client::Answer> to_answer(const proxy::Endpoint& from, const Response& response) {
  Client::Answer answer;
  answer.status = response.result_int();
  error_code bad;
  answer.body = boost::json::parse(response.body(), bad);
  if (bad || !answer.body.is_object())
    return Error{ErrorKind::unavailable, to_text(from) + " answered HTTP " +
                                             std::to_string(answer.status) +
                                             " without JSON: that is no Sluice"};
  return answer;
}

}  // namespace

std::string Client::Answer::error_kind() const { return error_field(body, "kind"); }
std::string Client::Answer::error_message() const { return error_field(body, "message"); }

Client::Client(proxy::Endpoint endpoint, std::chrono::milliseconds timeout)
    : endpoint_(std::move(endpoint)), timeout_(timeout) {}

Result<Client::Answer> Client::request(http::verb method, std::string_view target,
                                       std::string_view body) {
  const Message message = make_message(endpoint_, method, target, body);
  asio::io_context core(1);
  Exchange exchange(core);
  asio::co_spawn(core, converse(exchange, endpoint_, message), asio::detached);
  core.run_for(timeout_);
  if (exchange.failed == beast::error::timeout)
    return unreachable(endpoint_, "no answer within " + std::to_string(timeout_.count()) + " ms");
  if (exchange.failed) return unreachable(endpoint_, exchange.failed.message());
  return to_answer(endpoint_, exchange.parser.get());
}

std::string percent_encoded(std::string_view text) {
  return boost::urls::encode({text.data(), text.size()}, boost::urls::unreserved_chars);
}

std::string queue_target(std::string_view name) {
  return "/api/v1/queues/" + percent_encoded(name);
}

}  // namespace admin
