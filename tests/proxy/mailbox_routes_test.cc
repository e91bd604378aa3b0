// Mailboxes over HTTP.

#include <doctest/doctest.h>

#include <string>

#include <boost/json/parse.hpp>

#include "tests/proxy/admin_fixture.h"

using test::AdminServer;
using test::body_of;
using test::http_request;
using test::make_queue;
using test::status_of;

namespace {

namespace json = boost::json;

constexpr const char* kMailboxes = "/api/v1/queues/lights/mailboxes";

dispatch::QueueStats mailbox(const std::string& topic, std::uint64_t ready) {
  auto stats = make_queue("lights/" + topic, "lights/+", ready);
  stats.options.per_topic = true;
  stats.topic = topic;
  return stats;
}

void add_lights(AdminServer& server) {
  auto stats = make_queue("lights", "lights/+", 6);
  stats.options.per_topic = true;
  stats.mailboxes = 3;
  server.add_queue(stats);
  server.add_queue(make_queue("jobs", "jobs/+"));
  server.on_core([](test::FakeApi& api) {
    for (const char* light : {"b", "c", "a"}) {
      const auto topic = std::string("lights/") + light;
      api.mailboxes_by_topic[topic] = mailbox(topic, 2);
      api.by_name["lights/" + topic] = mailbox(topic, 2);
    }
  });
}

json::object get(AdminServer& server, const std::string& target) {
  const std::string answer = server.exchange(http_request("GET", target));
  REQUIRE(status_of(answer) == "200");
  return json::parse(body_of(answer)).as_object();
}

}  // namespace

TEST_CASE("mailboxes are listed by topic, in pages") {
  AdminServer server;
  add_lights(server);
  const auto first = get(server, std::string(kMailboxes) + "?limit=2");
  const auto& two = first.at("mailboxes").as_array();
  REQUIRE(two.size() == 2);
  CHECK(two[0].at("topic").as_string() == "lights/a");
  CHECK(two[0].at("name").as_string() == "lights/lights/a");
  CHECK(two[0].at("ready").as_int64() == 2);
  CHECK_FALSE(two[0].as_object().contains("filter"));  // what the template says of all
  const std::string cursor = first.at("next_cursor").as_string().c_str();
  const auto rest = get(server, std::string(kMailboxes) + "?cursor=" + cursor);
  REQUIRE(rest.at("mailboxes").as_array().size() == 1);
  CHECK(rest.at("mailboxes").at(0).at("topic").as_string() == "lights/c");
  CHECK_FALSE(rest.contains("next_cursor"));
}

TEST_CASE("a template says how many mailboxes it has, a mailbox its topic") {
  AdminServer server;
  add_lights(server);
  CHECK(get(server, "/api/v1/queues/lights").at("mailboxes").as_int64() == 3);
  CHECK_FALSE(get(server, "/api/v1/queues/jobs").contains("mailboxes"));
  const auto shown = get(server, "/api/v1/queues/lights%2Flights%2Fa");
  CHECK(shown.at("topic").as_string() == "lights/a");
  CHECK_FALSE(shown.contains("mailboxes"));
}

TEST_CASE("what is asked of mailboxes amiss is refused with the reason") {
  AdminServer server;
  add_lights(server);
  std::string answer = server.exchange(http_request("GET", "/api/v1/queues/jobs/mailboxes"));
  CHECK(status_of(answer) == "400");
  CHECK(body_of(answer).find("queue 'jobs' has no mailboxes: it is not per_topic") !=
        std::string::npos);
  answer = server.exchange(http_request("GET", "/api/v1/queues/nowhere/mailboxes"));
  CHECK(status_of(answer) == "404");
  answer = server.exchange(http_request("GET", std::string(kMailboxes) + "?cursor=q61"));
  CHECK(status_of(answer) == "400");
  answer = server.exchange(
      http_request("PATCH", "/api/v1/queues/lights%2Flights%2Fa", R"({"max_inflight":5})"));
  CHECK(status_of(answer) == "400");
  CHECK(body_of(answer).find("its options are those of queue 'lights'") != std::string::npos);
}
