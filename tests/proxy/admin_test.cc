#include <doctest/doctest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "proxy/admin/json.h"
#include "proxy/admin/server.h"
#include "tests/proxy/admin_fixture.h"

namespace asio = boost::asio;
using test::AdminServer;
using test::body_of;
using test::FakeApi;
using test::header_of;
using test::http_request;
using test::make_queue;
using test::status_of;

namespace {

std::string error_body(const std::string& kind, const std::string& message) {
  return R"({"error":{"kind":")" + kind + R"(","message":")" + message + R"("}})";
}

// A connection that the test reads and writes by hand.
struct Wire {
  explicit Wire(const AdminServer& server) : socket(io) {
    socket.connect({asio::ip::make_address(server.local().host), server.local().port});
  }
  void write(std::string_view bytes) {
    asio::write(socket, asio::buffer(bytes.data(), bytes.size()));
  }
  std::string read_to_end() {
    std::string answer;
    boost::system::error_code ended;
    asio::read(socket, asio::dynamic_buffer(answer), ended);
    return answer;
  }
  std::string read_head() {
    std::string answer;
    const std::size_t bytes = asio::read_until(socket, asio::dynamic_buffer(answer), "\r\n\r\n");
    return answer.substr(0, bytes);
  }
  asio::io_context io;
  asio::ip::tcp::socket socket;
};

}  // namespace

TEST_CASE("health is green or red") {
  AdminServer server;
  const std::string green = server.exchange(http_request("GET", "/healthz"));
  CHECK(status_of(green) == "200");
  CHECK(header_of(green, "Content-Type") == "application/json");
  CHECK(body_of(green) == R"({"status":"ok","journal":"open","upstream":"unknown"})");
  server.on_core([](FakeApi& api) { api.current_health = {false, "disk full", "unreachable"}; });
  const std::string red = server.exchange(http_request("GET", "/healthz"));
  CHECK(status_of(red) == "503");
  CHECK(body_of(red) == R"({"status":"failing","journal":"disk full","upstream":"unreachable"})");
}

TEST_CASE("the version is told") {
  AdminServer server;
  const std::string answer = server.exchange(http_request("GET", "/api/v1/version"));
  CHECK(body_of(answer) == R"({"name":"sluice","version":")" SLUICE_VERSION R"("})");
}

TEST_CASE("a queue is made, shown, listed and removed") {
  AdminServer server;
  const std::string created = server.exchange(http_request(
      "POST", "/api/v1/queues",
      R"({"name":"images","filter":"images/+","dispatch":"random","key":["topic:1"]})"));
  CHECK(status_of(created) == "201");
  CHECK(header_of(created, "Location") == "/api/v1/queues/images");
  const std::string shown = server.exchange(http_request("GET", "/api/v1/queues/images"));
  CHECK(status_of(shown) == "200");
  CHECK(
      body_of(shown) ==
      R"({"name":"images","filter":"images/+","mode":"divert","dispatch":"random",)"
      R"("last_value":false,"key":["topic:1"],"key_missing":"topic","settle":"puback",)"
      R"("max_inflight":32,"max_deliveries":16,"ack_timeout":"5m","release_pause":"1s",)"
      R"("retry_delay":"100ms","retry_multiplier":2,"retry_delay_max":"1m","retry_jitter":20,)"
      R"("max_messages":0,"max_bytes":0,"overflow":"reject","retention":"7d","group_expiry":"0s",)"
      R"("dead_max_messages":0,"dead_max_bytes":0,"dead_retention":"7d","dead_on_expiry":false,)"
      R"("dead_on_drop":false,"per_topic":false,"mailbox_idle":"1m","pause_consuming":false,)"
      R"("pause_producing":false,"durability":"fsync",)"
      R"("sync_interval":"1s","metadata":true,"ready":0,)"
      R"("in_flight":0,"delayed":0,"dead":0,"kept":0,"bytes":0,"consumers":0,"oldest_age_ms":0,)"
      R"("in_rate":null,"out_rate":null,"stored_total":0,"acked_total":0,"redelivered_total":0,)"
      R"("superseded_total":0,"dead_total":0,"purged_total":0,"lost_total":0,"expired_total":0,)"
      R"("retired_total":0,"dropped_total":0,"redriven_total":0,"refused_total":0,"groups":[]})");
  CHECK(body_of(created) == body_of(shown));
  const std::string listed = server.exchange(http_request("GET", "/api/v1/queues"));
  CHECK(body_of(listed) == R"({"queues":[)" + body_of(shown) + "]}");
  const std::string deleted = server.exchange(http_request("DELETE", "/api/v1/queues/images"));
  CHECK(status_of(deleted) == "200");
  CHECK(body_of(deleted) == R"({"name":"images","deleted_messages":0,"deleted_dead":0})");
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/queues/images"))) == "404");
  CHECK(body_of(server.exchange(http_request("GET", "/api/v1/queues"))) == R"({"queues":[]})");
}

TEST_CASE("counters beyond 2^63 are still numbers") {
  AdminServer server;
  dispatch::QueueStats stats = make_queue("q", "q");
  stats.stored_total = 18'446'744'073'709'551'615u;
  server.add_queue(stats);
  const std::string shown = server.exchange(http_request("GET", "/api/v1/queues/q"));
  CHECK(body_of(shown).find(R"("stored_total":18446744073709551615)") != std::string::npos);
}

TEST_CASE("definitions that are wrong are refused by field") {
  AdminServer server;
  struct Bad {
    const char* body;
    const char* message;
  };
  const Bad kBad[] = {
      {"[]", "the body must be a JSON object with the queue's options"},
      {R"({"filter":"a"})", "the body has no 'name'"},
      {R"({"name":"a"})", "the body has no 'filter'"},
      {R"({"name":"a","filter":"a","colour":1})", "unknown queue option 'colour'"},
      {R"({"name":"a","filter":"a","mod":"copy"})",
       "unknown queue option 'mod' (did you mean 'mode'?)"},
      {R"({"name":"a","filter":"a","per_topic":true})",
       "queue 'a': per_topic takes a filter with wildcards"},
      {R"({"name":1,"filter":"a"})",
       "option 'name': a number is wrong; it takes letters, digits and . _ -, at most 128 bytes"},
      {R"({"name":"a","filter":"a","max_inflight":"5"})",
       "option 'max_inflight': a string is wrong; it takes 1..65535"},
      {R"({"name":"a","filter":"a","max_inflight":0})",
       "option 'max_inflight': '0' is wrong; it takes 1..65535"},
      {R"({"name":"a","filter":"a","max_inflight":1.5})",
       "option 'max_inflight': takes a string, a whole number, true or false, or a list of "
       "strings"},
      {R"({"name":"a","filter":"a","mode":null})",
       "option 'mode': takes a string, a whole number, true or false, or a list of strings"},
      {R"({"name":"a","filter":"a","key":[1]})",
       "option 'key': takes a string, a whole number, true or false, or a list of strings"},
      {R"({"name":"a","filter":"a","last_value":"true"})",
       "option 'last_value': a string is wrong; it takes true or false"},
  };
  for (const Bad& bad : kBad) {
    CAPTURE(bad.body);
    const std::string answer = server.exchange(http_request("POST", "/api/v1/queues", bad.body));
    CHECK(status_of(answer) == "400");
    CHECK(body_of(answer) == error_body("invalid", bad.message));
  }
  for (const char* body : {"{", "{\"name\":\"\xff\"}", "{} {}", "nonsense"}) {
    CAPTURE(body);
    const std::string answer = server.exchange(http_request("POST", "/api/v1/queues", body));
    CHECK(status_of(answer) == "400");
    CHECK(body_of(answer).find("the body is not JSON: ") != std::string::npos);
  }
  server.on_core([](FakeApi& api) { CHECK(api.by_name.empty()); });
}

TEST_CASE("JSON nested without end is refused") {
  AdminServer server;
  const std::string deep = R"({"name":)" + std::string(100'000, '[');
  const std::string answer = server.exchange(http_request("POST", "/api/v1/queues", deep));
  CHECK(status_of(answer) == "400");
}

TEST_CASE("what the queues say has its status") {
  AdminServer server;
  server.add_queue(make_queue("a", "a"));
  const std::string same =
      server.exchange(http_request("POST", "/api/v1/queues", R"({"name":"a","filter":"b"})"));
  CHECK(status_of(same) == "409");
  CHECK(body_of(same) == error_body("exists", "queue 'a' exists already"));
  CHECK(body_of(server.exchange(http_request("GET", "/api/v1/queues/b"))) ==
        error_body("not_found", "there is no queue 'b'"));
  CHECK(status_of(server.exchange(http_request("DELETE", "/api/v1/queues/b"))) == "404");
  server.on_core([](FakeApi& api) {
    api.journal = dispatch::Error{dispatch::ErrorKind::unavailable, "the journal is closed"};
  });
  const std::string failed =
      server.exchange(http_request("POST", "/api/v1/queues", R"({"name":"c","filter":"c"})"));
  CHECK(status_of(failed) == "503");
  CHECK(body_of(failed) == error_body("unavailable", "the journal is closed"));
  CHECK(status_of(server.exchange(http_request("DELETE", "/api/v1/queues/a"))) == "503");
}

TEST_CASE("a queue with messages needs force to go") {
  AdminServer server;
  server.add_queue(make_queue("a", "a", 10, 2));
  for (const char* target :
       {"/api/v1/queues/a", "/api/v1/queues/a?if_empty=true", "/api/v1/queues/a?force=false"}) {
    CAPTURE(target);
    const std::string kept = server.exchange(http_request("DELETE", target));
    CHECK(status_of(kept) == "409");
    CHECK(body_of(kept) == error_body("not_empty",
                                      "queue 'a' holds 12 messages (ready 10, in flight 2); force "
                                      "deletes them with it"));
  }
  const std::string gone = server.exchange(http_request("DELETE", "/api/v1/queues/a?force=true"));
  CHECK(status_of(gone) == "200");
  CHECK(body_of(gone) == R"({"name":"a","deleted_messages":12,"deleted_dead":0})");
}

TEST_CASE("parameters are checked") {
  AdminServer server;
  server.add_queue(make_queue("a", "a"));
  const auto message = [&](const char* method, const char* target) {
    const std::string answer = server.exchange(http_request(method, target));
    CHECK(status_of(answer) == "400");
    return body_of(answer);
  };
  CHECK(message("DELETE", "/api/v1/queues/a?forse=true") ==
        error_body("invalid", "unknown parameter 'forse': takes force or if_empty"));
  CHECK(message("DELETE", "/api/v1/queues/a?force") ==
        error_body("invalid", "parameter 'force' takes true or false"));
  CHECK(message("DELETE", "/api/v1/queues/a?force=true&if_empty=true") ==
        error_body("invalid", "force and if_empty exclude each other"));
  CHECK(message("GET", "/api/v1/queues?x=1") ==
        error_body("invalid", "unknown parameter 'x': takes limit or cursor"));
  server.on_core([](FakeApi& api) { CHECK(api.by_name.size() == 1); });
}

TEST_CASE("paths that lead nowhere are 404, methods that do nothing 405") {
  AdminServer server;
  for (const char* target : {"/", "/api", "/api/v1", "/api/v1/queues/", "/api/v1/queues/a/b",
                             "/healthz/", "/API/v1/queues", "//healthz"}) {
    CAPTURE(target);
    CHECK(status_of(server.exchange(http_request("GET", target))) == "404");
  }
  struct Wrong {
    const char* method;
    const char* target;
    const char* allow;
  };
  const Wrong kWrong[] = {{"POST", "/healthz", "GET, HEAD"},
                          {"PUT", "/api/v1/queues", "GET, HEAD, POST"},
                          {"OPTIONS", "/api/v1/queues", "GET, HEAD, POST"},
                          {"PUT", "/api/v1/queues/a", "GET, HEAD, PATCH, DELETE"},
                          {"BREW", "/api/v1/version", "GET, HEAD"}};
  for (const Wrong& wrong : kWrong) {
    CAPTURE(wrong.method);
    const std::string answer = server.exchange(http_request(wrong.method, wrong.target));
    CHECK(status_of(answer) == "405");
    CHECK(header_of(answer, "Allow") == wrong.allow);
    CHECK(body_of(answer) ==
          error_body("method_not_allowed", "this path takes " + std::string(wrong.allow)));
  }
}

TEST_CASE("names are percent-decoded") {
  AdminServer server;
  server.add_queue(make_queue("images", "images/+"));
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/queues/%69mages"))) == "200");
  CHECK(status_of(server.exchange(http_request("GET", "/%61pi/v1/queues/images"))) == "200");
  CHECK(body_of(server.exchange(http_request("GET", "/api/v1/queues/a%2Fb"))) ==
        error_body("not_found", "there is no queue 'a/b'"));
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/queues/%zz"))) == "400");
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/queues/%00%ff"))) == "404");
  CHECK(status_of(server.exchange(http_request("GET", "*"))) == "400");
  CHECK(status_of(server.exchange(http_request("GET", "http://127.0.0.1/healthz"))) == "400");
}

TEST_CASE("HEAD is GET without the body") {
  AdminServer server;
  const std::string get = server.exchange(http_request("GET", "/healthz"));
  const std::string head = server.exchange(http_request("HEAD", "/healthz"));
  CHECK(head == get.substr(0, get.find("\r\n\r\n") + 4));
}

TEST_CASE("a POST must say that it is JSON") {
  AdminServer server;
  const auto status = [&](const char* header) {
    return status_of(server.exchange(
        http_request("POST", "/api/v1/queues", R"({"name":"a","filter":"a"})", header)));
  };
  CHECK(status("Content-Type: text/plain\r\n") == "415");
  CHECK(status("Content-Type: application/x-www-form-urlencoded\r\n") == "415");
  CHECK(status("Content-Type: application/jsonx\r\n") == "415");
  CHECK(status("Content-Type: \r\n") == "415");
  CHECK(status("Content-Type: Application/JSON ; charset=utf-8\r\n") == "201");
}

TEST_CASE("pages of other sites get nothing") {
  AdminServer server;
  const auto status = [&](const std::string& headers) {
    return status_of(server.exchange(http_request("GET", "/healthz", {}, headers)));
  };
  CHECK(status("Host: evil.example\r\n") == "403");
  CHECK(status("Host: 127.0.0.1.evil.example:8480\r\n") == "403");
  CHECK(status("Host: \r\n") == "403");
  CHECK(status("Host: localhost:8480\r\n") == "200");
  CHECK(status("Host: [::1]:8480\r\n") == "200");
  CHECK(status("Host: [\r\n") == "403");
  CHECK(status("Origin: https://evil.example\r\n") == "403");
  CHECK(status("Origin: null\r\n") == "403");
  CHECK(status("Host: 127.0.0.1:9\r\nOrigin: http://127.0.0.1:8\r\n") == "403");
  CHECK(status("Host: 127.0.0.1:9\r\nOrigin: http://127.0.0.1:9\r\n") == "200");
}

TEST_CASE("a name of ours is fine where the listener is open to others") {
  AdminServer server(proxy::Endpoint{"http", "0.0.0.0", 0, {}}, {});
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  socket.connect({asio::ip::make_address("127.0.0.1"), server.local().port});
  asio::write(socket, asio::buffer(http_request("GET", "/healthz", {},
                                                "Host: sluice:8480\r\nConnection: close\r\n")));
  std::string answer;
  boost::system::error_code ended;
  asio::read(socket, asio::dynamic_buffer(answer), ended);
  CHECK(status_of(answer) == "200");
}

TEST_CASE("bodies are taken up to the limit") {
  admin::ServerLimits limits;
  limits.max_body_bytes = 1000;
  AdminServer server(limits);
  const std::string body = R"({"name":"a","filter":"a"})";
  const auto answer = [&](std::size_t size) {
    server.on_core([](FakeApi& api) { api.by_name.clear(); });
    return server.exchange(
        http_request("POST", "/api/v1/queues", body + std::string(size - body.size(), ' ')));
  };
  CHECK(status_of(answer(999)) == "201");
  CHECK(status_of(answer(1000)) == "201");
  const std::string refused = answer(1001);
  CHECK(status_of(refused) == "413");
  CHECK(header_of(refused, "Connection") == "close");
  CHECK(body_of(refused) == error_body("too_large", "the body is too large"));
}

TEST_CASE("a body that is sent in chunks has the same limit") {
  admin::ServerLimits limits;
  limits.max_body_bytes = 8;
  AdminServer server(limits);
  const std::string head =
      "POST /api/v1/queues HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  CHECK(status_of(server.exchange(head + "8\r\n[\"12345]\r\n0\r\n\r\n")) == "400");
  CHECK(status_of(server.exchange(head + "8\r\n[\"12345]\r\n1\r\n \r\n0\r\n\r\n")) == "413");
}

TEST_CASE("a header that is too large is refused") {
  admin::ServerLimits limits;
  limits.max_header_bytes = 512;
  AdminServer server(limits);
  const auto status = [&](std::size_t filler) {
    return status_of(server.exchange(
        http_request("GET", "/healthz", {}, "X: " + std::string(filler, 'x') + "\r\n")));
  };
  CHECK(status(300) == "200");
  CHECK(status(600) == "431");
}

TEST_CASE("bytes that are no HTTP get 400 and the door") {
  AdminServer server;
  for (const char* bytes :
       {"\r\n\r\n\r\n\r\nx\r\n", "hello\r\n\r\n", "GET /healthz HTTP/9.9\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nno colon\r\n\r\n", "\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nContent-Length: x\r\n\r\n"}) {
    CAPTURE(bytes);
    const std::string answer = server.exchange(bytes);
    CHECK(status_of(answer) == "400");
    CHECK(header_of(answer, "Connection") == "close");
  }
}

TEST_CASE("half a request gets no answer") {
  AdminServer server;
  CHECK(server.exchange("") == "");
  CHECK(server.exchange("GET /healthz HT") == "");
  CHECK(server.exchange(http_request("POST", "/api/v1/queues", "{}{}").substr(0, 100)) == "");
}

TEST_CASE("requests sent ahead are answered in order") {
  AdminServer server;
  const std::string answers =
      server.exchange(http_request("POST", "/api/v1/queues", R"({"name":"a","filter":"a"})") +
                      http_request("GET", "/api/v1/queues/a") + http_request("GET", "/nothing") +
                      http_request("DELETE", "/api/v1/queues/a") + http_request("GET", "/healthz"));
  std::string statuses;
  for (auto at = answers.find("HTTP/1.1 "); at != answers.npos;
       at = answers.find("HTTP/1.1 ", at + 1))
    statuses += status_of(std::string_view(answers).substr(at)) + " ";
  CHECK(statuses == "201 200 404 200 200 ");
}

TEST_CASE("a client that asks for the connection to end gets that") {
  AdminServer server;
  const std::string answer =
      server.exchange(http_request("GET", "/healthz", {}, "Connection: close\r\n") +
                      http_request("GET", "/healthz"));
  CHECK(header_of(answer, "Connection") == "close");
  CHECK(body_of(answer).find("HTTP/1.1") == std::string::npos);
  CHECK(header_of(server.exchange("GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"),
                  "Connection") == "");
}

TEST_CASE("Expect: 100-continue is answered before the body") {
  AdminServer server;
  Wire wire(server);
  const std::string body = R"({"name":"a","filter":"a"})";
  const std::string request =
      http_request("POST", "/api/v1/queues", body, "Expect: 100-continue\r\nConnection: close\r\n");
  wire.write(std::string_view(request).substr(0, request.size() - body.size()));
  CHECK(status_of(wire.read_head()) == "100");
  wire.write(body);
  CHECK(status_of(wire.read_to_end()) == "201");
}

TEST_CASE("one connection more than the limit is told so") {
  admin::ServerLimits limits;
  limits.max_connections = 2;
  AdminServer server(limits);
  Wire first(server);
  Wire second(server);
  first.write(http_request("HEAD", "/healthz"));  // answered: so it has been accepted
  CHECK(status_of(first.read_head()) == "200");
  second.write(http_request("HEAD", "/healthz"));
  CHECK(status_of(second.read_head()) == "200");
  CHECK(status_of(server.exchange("")) == "503");
  second.write(http_request("HEAD", "/healthz"));
  CHECK(status_of(second.read_head()) == "200");
}

TEST_CASE("an idle connection is closed") {
  admin::ServerLimits limits;
  limits.idle_timeout = std::chrono::milliseconds(20);
  AdminServer server(limits);
  Wire silent(server);
  CHECK(silent.read_to_end() == "");
  Wire slow(server);
  slow.write("GET /healthz HTTP/1.1\r\n");
  CHECK(slow.read_to_end() == "");
}

TEST_CASE("an answer may wait for the disk longer than a connection may idle") {
  admin::ServerLimits limits;
  limits.idle_timeout = std::chrono::milliseconds(20);
  AdminServer server(limits);
  server.on_core([](FakeApi& api) { api.hold = true; });
  Wire wire(server);
  wire.write(http_request("POST", "/api/v1/queues", R"({"name":"a","filter":"a"})",
                          "Connection: close\r\n"));
  Wire idle(server);  // ends by its timeout, which is as long as the other's would be
  CHECK(idle.read_to_end() == "");
  std::size_t held = 0;
  server.on_core([&](FakeApi& api) {
    held = api.held.size();
    for (auto& done : api.held) done({});
  });
  CHECK(held == 1);
  CHECK(status_of(wire.read_to_end()) == "201");
}

TEST_CASE("a server may stop, and its clients may go, while an answer is awaited") {
  AdminServer server;
  server.on_core([](FakeApi& api) { api.hold = true; });
  const std::string request =
      http_request("POST", "/api/v1/queues", R"({"name":"a","filter":"a"})");
  Wire stays(server);
  stays.write(request + request);
  {
    Wire goes(server);
    goes.write(http_request("POST", "/api/v1/queues", R"({"name":"b","filter":"b"})"));
  }
  for (std::size_t held = 0; held < 2;)
    server.on_core([&](FakeApi& api) { held = api.held.size(); });
  server.stop_server();
  CHECK(stays.read_to_end() == "");
  server.on_core([](FakeApi& api) {
    for (auto& done : api.held) done({});
    api.held.clear();
  });
}

TEST_CASE("every option a queue has is in its JSON, and makes the same queue again") {
  dispatch::QueueOptions options;
  options.name = "a";
  options.filter = "a/+";
  options.mode = dispatch::Mode::copy;
  options.dispatch = dispatch::Strategy::random;
  options.last_value = true;
  options.key = {"topic:1", "username"};
  options.max_inflight = 65535;
  const boost::json::object object = admin::to_json(options);
  for (const dispatch::OptionHelp& help : dispatch::option_help())
    CHECK(object.contains({help.name.data(), help.name.size()}));
  const auto again = admin::queue_options_from_json(boost::json::serialize(object));
  REQUIRE(again.has_value());
  CHECK((*again == options));
}

TEST_CASE("a queue takes other options while it is there") {
  AdminServer server;
  server.add_queue(make_queue("a", "a"));
  const auto patch = [&](const char* body) {
    return server.exchange(http_request("PATCH", "/api/v1/queues/a", body));
  };
  const std::string changed = patch(R"({"max_inflight":7,"ack_timeout":"1m"})");
  CHECK(status_of(changed) == "200");
  CHECK(body_of(changed).find(R"("max_inflight":7,)") != std::string::npos);
  server.on_core([](FakeApi& api) {
    CHECK(api.by_name.at("a").options.max_inflight == 7);
    CHECK(api.by_name.at("a").options.filter == "a");
  });
  struct Bad {
    const char* body;
    const char* message;
  };
  const Bad kBad[] = {
      {"{}", "the body changes nothing: it has no option"},
      {"[]", "the body must be a JSON object"},
      {R"({"name":"b"})", "queue 'a': name can't be changed; delete it and create it again"},
      {R"({"filter":"b"})", "queue 'a': filter can't be changed"},
      {R"({"max_inflight":0})", "option 'max_inflight': '0' is wrong; it takes 1..65535"},
      {R"({"moed":"copy"})", "unknown queue option 'moed' (did you mean 'mode'?)"}};
  for (const Bad& bad : kBad) {
    CAPTURE(bad.body);
    const std::string answer = patch(bad.body);
    CHECK(status_of(answer) == "400");
    CHECK(body_of(answer) == error_body("invalid", bad.message));
  }
  CHECK(status_of(server.exchange(
            http_request("PATCH", "/api/v1/queues/b", R"({"max_inflight":7})"))) == "404");
  CHECK(status_of(server.exchange(http_request("PATCH", "/api/v1/queues/a", "{}",
                                               "Content-Type: text/plain\r\n"))) == "415");
}

TEST_CASE("queues are listed in pages") {
  AdminServer server;
  for (const char* name : {"a", "b", "c", "d", "e"}) server.add_queue(make_queue(name, name));
  std::string names;
  std::string cursor;
  int pages = 0;
  do {
    const std::string answer = server.exchange(http_request(
        "GET", "/api/v1/queues?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor)));
    REQUIRE(status_of(answer) == "200");
    const boost::json::object page = boost::json::parse(body_of(answer)).as_object();
    for (const auto& queue : page.at("queues").as_array())
      names += queue.as_object().at("name").as_string().c_str();
    const auto* next = page.if_contains("next_cursor");
    cursor = next == nullptr ? "" : next->as_string().c_str();
    ++pages;
  } while (!cursor.empty());
  CHECK(names == "abcde");
  CHECK(pages == 3);
  for (const char* wrong : {"x", "q", "q6", "q6G", "m31", ""}) {
    CAPTURE(wrong);
    const std::string answer =
        server.exchange(http_request("GET", "/api/v1/queues?cursor=" + std::string(wrong)));
    CHECK(status_of(answer) == "400");
    CHECK(body_of(answer) ==
          error_body("invalid", "parameter 'cursor': '" + std::string(wrong) +
                                    "' is none of this list; take next_cursor of the page before"));
  }
  for (const char* wrong : {"limit=0", "limit=10001", "limit=x", "limit=1&limit=2"}) {
    CAPTURE(wrong);
    CHECK(status_of(server.exchange(http_request("GET", "/api/v1/queues?" + std::string(wrong)))) ==
          "400");
  }
}

namespace {

admin::MessageInfo make_info(std::uint64_t offset, const std::string& payload) {
  auto message = std::make_shared<dispatch::Message>();
  message->topic = "a/x";
  message->payload = payload;
  message->publisher = "p";
  message->properties.user = {{"k", "v"}};
  return {dispatch::Offset{offset}, message, {dispatch::Place::delayed, 2}};
}

}  // namespace

TEST_CASE("messages are shown as text where they are text") {
  AdminServer server;
  server.add_queue(make_queue("a", "a"));
  server.on_core([](FakeApi& api) {
    api.messages = {make_info(3, "hello"), make_info(5, std::string("\xFF\x00", 2)),
                    make_info(9, "\xC3\xA4\xC3\xA4")};
  });
  const std::string answer =
      server.exchange(http_request("GET", "/api/v1/queues/a/messages?payload_bytes=3&limit=2"));
  REQUIRE(status_of(answer) == "200");
  CHECK(body_of(answer) ==
        R"({"messages":[{"offset":3,"state":"delayed","failed_deliveries":2,"topic":"a/x",)"
        R"("stored_at":"1970-01-01T00:00:00.000Z","age_ms":0,"size_bytes":)" +
            std::to_string(make_info(3, "hello").message->size_bytes()) +
            R"(,"publisher":"p","properties":{"user":[["k","v"]]},"payload_bytes":5,)"
            R"("payload_encoding":"text","payload":"hel","payload_truncated":true},)"
            R"({"offset":5,"state":"delayed","failed_deliveries":2,"topic":"a/x",)"
            R"("stored_at":"1970-01-01T00:00:00.000Z","age_ms":0,"size_bytes":)" +
            std::to_string(make_info(5, "12").message->size_bytes()) +
            R"(,"publisher":"p","properties":{"user":[["k","v"]]},"payload_bytes":2,)"
            R"("payload_encoding":"base64","payload":"/wA=","payload_truncated":false}],)"
            R"("next_cursor":"m39"})");
  const std::string rest = body_of(
      server.exchange(http_request("GET", "/api/v1/queues/a/messages?cursor=m39&payload_bytes=3")));
  CHECK(rest.find("\"payload\":\"\xC3\xA4\",\"payload_truncated\":true") != std::string::npos);
  CHECK(rest.find("next_cursor") == std::string::npos);
  const std::string one = server.exchange(http_request("GET", "/api/v1/queues/a/messages/9"));
  CHECK(status_of(one) == "200");
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/queues/a/messages/4"))) == "404");
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/queues/a/messages/0"))) == "400");
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/queues/a/messages/9x"))) == "400");
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/queues/b/messages"))) == "404");
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/queues/a/messages?from=0"))) ==
        "400");
  server.on_core([](FakeApi& api) {
    api.journal = dispatch::Error{dispatch::ErrorKind::unavailable, "the journal is closed"};
  });
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/queues/a/messages"))) == "503");
}

TEST_CASE("purge and redrive say how many it were") {
  AdminServer server;
  dispatch::QueueStats stats = make_queue("a", "a", 5);
  stats.dead = 3;
  server.add_queue(stats);
  const auto post = [&](const char* target, const char* body) {
    return server.exchange(http_request("POST", target, body));
  };
  for (const char* wrong :
       {"{}", R"({"all":false})", R"({"all":true,"offsets":[1]})", R"({"offsets":[]})",
        R"({"offsets":[0]})", R"({"offsets":["1"]})", R"({"some":true})", "[]"}) {
    CAPTURE(wrong);
    CHECK(status_of(post("/api/v1/queues/a/dead/redrive", wrong)) == "400");
  }
  CHECK(body_of(post("/api/v1/queues/a/dead/redrive", R"({"offsets":[2]})")) ==
        R"({"name":"a","redriven":1})");
  server.on_core([](FakeApi& api) {
    CHECK(api.redriven == std::vector<dispatch::Offset>{dispatch::Offset{2}});
  });
  CHECK(body_of(post("/api/v1/queues/a/dead/redrive", R"({"all":true})")) ==
        R"({"name":"a","redriven":2})");
  CHECK(body_of(post("/api/v1/queues/a/dead/purge", "")) == R"({"name":"a","purged":0})");
  CHECK(body_of(post("/api/v1/queues/a/purge", "")) == R"({"name":"a","purged":5})");
  CHECK(status_of(post("/api/v1/queues/b/purge", "")) == "404");
  CHECK(status_of(post("/api/v1/queues/b/dead/redrive", R"({"all":true})")) == "404");
}

TEST_CASE("consumers are told with what they hold") {
  AdminServer server;
  server.add_queue(make_queue("a", "a"));
  server.on_core([](FakeApi& api) {
    for (std::uint64_t id = 1; id <= 3; ++id) {
      admin::ConsumerInfo info;
      info.client_id = "w" + std::to_string(id);
      info.view.consumer = dispatch::ConsumerId{id};
      info.view.queue = "a";
      info.view.group = "default";
      info.view.in_flight = id;
      api.current_consumers.push_back(info);
    }
  });
  const std::string first =
      body_of(server.exchange(http_request("GET", "/api/v1/consumers?queue=a&limit=1")));
  CHECK(first == R"({"next_cursor":"c31","consumers":[{"client_id":"w1","queue":"a","dead":false,)"
                 R"("group":"default","in_flight":1,"credit":0,"paused_ms":0,"idle_ms":0}]})");
  const std::string rest =
      body_of(server.exchange(http_request("GET", "/api/v1/consumers?cursor=c31")));
  CHECK(rest.find("w1") == std::string::npos);
  CHECK(rest.find("w2") != std::string::npos);
  CHECK(rest.find("w3") != std::string::npos);
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/consumers?queue=b"))) == "404");
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/consumers?cursor=cff"))) == "400");
}
