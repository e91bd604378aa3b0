#include "proxy/admin/listen.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace admin {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::ip::tcp;
using boost::system::error_code;
using dispatch::Error;
using dispatch::ErrorKind;
using dispatch::Result;
using Local = asio::local::stream_protocol;

Error cannot_listen(const proxy::Endpoint& endpoint, const std::string& why) {
  return {ErrorKind::unavailable, "admin: cannot listen on " + to_text(endpoint) + ": " + why};
}

// bind() makes the file, listen() makes it answer: in between only the mode is left to set.
error_code open_and_listen(Acceptor& acceptor, const Protocol::endpoint& at, const char* file) {
  error_code failed;
  acceptor.open(at.protocol(), failed);
  if (failed) return failed;
  if (file == nullptr) acceptor.set_option(Acceptor::reuse_address(true), failed);
  if (failed) return failed;
  acceptor.bind(at, failed);
  if (failed) return failed;
  if (file != nullptr && ::chmod(file, S_IRUSR | S_IWUSR) != 0)
    return {errno, boost::system::system_category()};
  acceptor.listen(asio::socket_base::max_listen_connections, failed);
  return failed;
}

Result<Acceptor> listen_tcp(asio::io_context& core, proxy::Endpoint& endpoint) {
  error_code failed;
  tcp::resolver resolver(core);
  const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port),
                                      tcp::resolver::passive, failed);
  if (failed || found.empty()) return cannot_listen(endpoint, failed.message());
  Acceptor acceptor(core.get_executor());
  failed = open_and_listen(acceptor, found.begin()->endpoint(), nullptr);
  if (failed) return cannot_listen(endpoint, failed.message());
  tcp::endpoint bound;
  const Protocol::endpoint generic = acceptor.local_endpoint(failed);
  if (failed) return cannot_listen(endpoint, failed.message());
  bound.resize(generic.size());
  std::memcpy(bound.data(), generic.data(), generic.size());
  endpoint.port = bound.port();
  return acceptor;
}

// A file without a process behind it is left over from one that was killed.
Result<void> remove_stale(asio::io_context& core, const proxy::Endpoint& endpoint) {
  std::error_code unknown;
  const fs::file_status status = fs::symlink_status(endpoint.path, unknown);
  if (status.type() == fs::file_type::not_found) return {};
  if (status.type() != fs::file_type::socket)
    return cannot_listen(endpoint, "the file is there and is no socket; name another one");
  error_code failed;
  Local::socket probe(core);
  probe.connect(Local::endpoint(endpoint.path), failed);
  if (!failed) return cannot_listen(endpoint, "another process answers on it");
  if (failed != asio::error::connection_refused) return cannot_listen(endpoint, failed.message());
  std::error_code kept;
  fs::remove(endpoint.path, kept);
  if (kept) return cannot_listen(endpoint, "cannot remove the old socket: " + kept.message());
  return {};
}

Result<Acceptor> listen_unix(asio::io_context& core, const proxy::Endpoint& endpoint) {
  if (auto removed = remove_stale(core, endpoint); !removed) return removed.error();
  Acceptor acceptor(core.get_executor());
  const error_code failed =
      open_and_listen(acceptor, Local::endpoint(endpoint.path), endpoint.path.c_str());
  if (failed) return cannot_listen(endpoint, failed.message());
  return acceptor;
}

}  // namespace

Result<Acceptor> listen(asio::io_context& core, proxy::Endpoint& endpoint) {
  return endpoint.is_unix() ? listen_unix(core, endpoint) : listen_tcp(core, endpoint);
}

}  // namespace admin
