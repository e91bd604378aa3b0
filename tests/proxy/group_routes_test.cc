// Groups, and where a topic goes, over HTTP.

#include <doctest/doctest.h>

#include <string>

#include "dispatch/ids.h"
#include "tests/proxy/admin_fixture.h"

using test::AdminServer;
using test::body_of;
using test::http_request;
using test::make_queue;
using test::status_of;

namespace {

constexpr const char* kGroups = "/api/v1/queues/jobs/groups";

void add_jobs(AdminServer& server) {
  auto stats = make_queue("jobs", "jobs/+", 3);
  for (const char* name : {"b", "c", "a"}) stats.groups.emplace_back().name = name;
  server.add_queue(stats);
}

std::string names_in(const std::string& body) {
  std::string names;
  const std::string field = "\"name\":\"";
  for (auto at = body.find(field); at != body.npos; at = body.find(field, at + 1))
    names += body[at + field.size()];
  return names;
}

}  // namespace

TEST_CASE("groups are listed by name, page after page") {
  AdminServer server;
  add_jobs(server);
  const auto ask = [&](const std::string& query) {
    return body_of(server.exchange(http_request("GET", kGroups + query)));
  };
  CHECK(names_in(ask("")) == "abc");
  const std::string first = ask("?limit=2");
  CHECK(names_in(first) == "ab");
  const auto at = first.find("\"next_cursor\":\"") + 15;
  const std::string cursor = first.substr(at, first.find('"', at) - at);
  const std::string second = ask("?limit=2&cursor=" + cursor);
  CHECK(names_in(second) == "c");
  CHECK(second.find("next_cursor") == second.npos);
  CHECK(ask("?cursor=q61").find("none of this list") != std::string::npos);
  CHECK(ask("?limit=0").find("1..1000") != std::string::npos);
}

TEST_CASE("a group is made, looked at, moved and ended") {
  AdminServer server;
  add_jobs(server);
  const auto ask = [&](std::string_view method, const std::string& path, std::string_view body) {
    return server.exchange(http_request(method, kGroups + path, body));
  };
  CHECK(status_of(ask("POST", "", R"({"name":"d"})")) == "201");
  CHECK(status_of(ask("POST", "", R"({"name":"e","from":"offset:7"})")) == "201");
  CHECK(status_of(ask("POST", "/d/seek", R"({"from":"latest"})")) == "200");
  server.on_core([](test::FakeApi& api) {
    REQUIRE(api.starts.size() == 3);
    CHECK(api.starts[0] == admin::Start(dispatch::Offset{1}));
    CHECK(api.starts[1] == admin::Start(dispatch::Offset{7}));
    CHECK(api.starts[2] == admin::Start(dispatch::Offset{UINT64_MAX}));
  });
  CHECK(names_in(body_of(ask("GET", "/d", ""))) == "d");
  CHECK(status_of(ask("DELETE", "/d", "")) == "200");
  CHECK(status_of(ask("GET", "/d", "")) == "404");
  CHECK(status_of(ask("DELETE", "/d", "")) == "404");
}

TEST_CASE("a wrong body for a group says what is wrong") {
  AdminServer server;
  add_jobs(server);
  struct Wrong {
    const char* path;
    const char* body;
    const char* says;
  };
  for (const Wrong& wrong :
       {Wrong{"", "{}", "the body has no 'name'"}, Wrong{"", R"({"name":1})", "takes a string"},
        Wrong{"", R"({"name":"d","from":"soon"})", "no place to start"},
        Wrong{"", R"({"name":"d","at":"1"})", "unknown field 'at'"},
        Wrong{"/a/seek", "{}", "the body has no 'from'"},
        Wrong{"/a/seek", R"({"from":[]})", "takes a string"}}) {
    CAPTURE(wrong.body);
    const std::string answer =
        server.exchange(http_request("POST", std::string(kGroups) + wrong.path, wrong.body));
    CHECK(status_of(answer) == "400");
    CHECK(body_of(answer).find(wrong.says) != std::string::npos);
  }
  server.on_core([](test::FakeApi& api) { CHECK(api.starts.empty()); });
}

TEST_CASE("a topic's queues, and whether the broker gets it") {
  AdminServer server;
  auto copied = make_queue("copied", "jobs/#");
  copied.options.mode = dispatch::Mode::copy;
  server.add_queue(copied);
  const auto ask = [&](const std::string& topic) {
    return server.exchange(http_request("GET", "/api/v1/route?topic=" + topic));
  };
  CHECK(body_of(ask("jobs/a")) ==
        R"({"topic":"jobs/a","queues":[{"name":"copied","filter":"jobs/#","mode":"copy"}],)"
        R"("forwarded":true})");
  server.add_queue(make_queue("kept", "jobs/a"));
  CHECK(body_of(ask("jobs/a")).find(R"("forwarded":false)") != std::string::npos);
  CHECK(body_of(ask("other")) == R"({"topic":"other","queues":[],"forwarded":true})");
  for (const char* wrong : {"jobs/%2B", "$q/jobs", "$queue/x", ""}) {
    CAPTURE(wrong);
    CHECK(status_of(ask(wrong)) == "400");
  }
  CHECK(status_of(server.exchange(http_request("GET", "/api/v1/route"))) == "400");
}
