#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "proxy/admin/client.h"
#include "proxy/admin/server.h"
#include "tests/proxy/admin_fixture.h"

// Where the API listens, and the client that calls it.

namespace asio = boost::asio;
using boost::beast::http::verb;
using test::AdminServer;
using test::FakeApi;

namespace {

// A directory of the test's own, gone with it.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-admin-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  proxy::Endpoint socket() const { return {"http+unix", {}, 0, (path / "s.sock").string()}; }
  std::filesystem::path path;
};

std::string open_error(const proxy::Endpoint& endpoint) {
  asio::io_context core;
  FakeApi api;
  const auto server = admin::Server::open(core, endpoint, api);
  return server ? std::string{} : server.error().text;
}

}  // namespace

TEST_CASE("a server that goes with its core leaves nothing behind") {
  asio::io_context core;
  FakeApi api;
  auto server = admin::Server::open(core, {"http", "127.0.0.1", 0, {}}, api);
  REQUIRE(server.has_value());
  const std::uint16_t port = (*server)->local().port;
  CHECK(port != 0);
  core.poll();
  server->reset();
  core.restart();
  core.poll();
  CHECK(open_error({"http", "127.0.0.1", port, {}}) == "");
}

TEST_CASE("an address that is in use or isn't ours is an error") {
  AdminServer server;
  CHECK(open_error(server.local()) ==
        "admin: cannot listen on " + server.url() + ": Address already in use");
  CHECK(open_error({"http", "192.0.2.1", 0, {}}).find("Cannot assign requested address") !=
        std::string::npos);
}

TEST_CASE("the API is served on a unix socket that only its owner may use") {
  Folder folder;
  {
    AdminServer server(folder.socket(), {});
    struct stat status {};
    REQUIRE(::stat(folder.socket().path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    admin::Client client(folder.socket(), std::chrono::seconds(10));
    const auto answer = client.request(verb::get, "/healthz");
    REQUIRE(answer.has_value());
    CHECK(answer->status == 200);
    CHECK(open_error(folder.socket()) ==
          "admin: cannot listen on " + server.url() + ": another process answers on it");
  }
  CHECK_FALSE(std::filesystem::exists(folder.socket().path));
}

TEST_CASE("a socket file that was left over is replaced, any other file is not") {
  Folder folder;
  {
    asio::io_context io;
    asio::local::stream_protocol::acceptor left_over(io, folder.socket().path);
  }
  CHECK(std::filesystem::exists(folder.socket().path));
  CHECK(open_error(folder.socket()) == "");
  std::ofstream(folder.socket().path) << "precious";
  CHECK(open_error(folder.socket())
            .ends_with("the file is there and is no socket; name another one"));
  CHECK(std::filesystem::file_size(folder.socket().path) == 8);
  CHECK(open_error({"http+unix", {}, 0, (folder.path / "no" / "s").string()})
            .ends_with("No such file or directory"));
}

TEST_CASE("the client says what is wrong with a server") {
  std::uint16_t port = 0;
  {
    asio::io_context io;
    asio::ip::tcp::acceptor closed(io, {asio::ip::make_address("127.0.0.1"), 0});
    port = closed.local_endpoint().port();
  }
  const proxy::Endpoint nobody{"http", "127.0.0.1", port, {}};
  const auto refused = admin::Client(nobody, std::chrono::seconds(10)).request(verb::get, "/");
  REQUIRE(!refused);
  CHECK(refused.error().text == "cannot reach Sluice at " + to_text(nobody) +
                                    ": Connection refused; is `sluice serve` running there? "
                                    "--admin or SLUICE_ADMIN says where to ask");

  AdminServer server;
  server.on_core([](FakeApi& api) { api.hold = true; });
  admin::Client hasty(server.local(), std::chrono::milliseconds(50));
  const auto late = hasty.request(verb::post, "/api/v1/queues", R"({"name":"a","filter":"a"})");
  REQUIRE(!late);
  CHECK(late.error().text.find("no answer within 50 ms") != std::string::npos);
}

TEST_CASE("a peer that isn't Sluice is recognised") {
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
  const proxy::Endpoint at{"http", "127.0.0.1", acceptor.local_endpoint().port(), {}};
  const auto answer_to = [&](std::string_view bytes) {
    std::thread peer([&] {
      asio::ip::tcp::socket socket = acceptor.accept();
      std::string request;
      asio::read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n");
      asio::write(socket, asio::buffer(bytes.data(), bytes.size()));
    });
    const auto answer = admin::Client(at, std::chrono::seconds(10)).request(verb::get, "/healthz");
    peer.join();
    return answer ? std::string{} : answer.error().text;
  };
  CHECK(answer_to("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>") ==
        to_text(at) + " answered HTTP 200 without JSON: that is no Sluice");
  CHECK(answer_to("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]") ==
        to_text(at) + " answered HTTP 200 without JSON: that is no Sluice");
  CHECK(answer_to("\x20\x02\x00\x01").starts_with("cannot reach Sluice at "));
  CHECK(answer_to("").starts_with("cannot reach Sluice at "));
}
