#include <doctest/doctest.h>

#include "proxy/admin/metrics.h"
#include "tests/proxy/admin_fixture.h"

using test::AdminServer;
using test::body_of;
using test::FakeApi;
using test::header_of;
using test::http_request;
using test::make_queue;
using test::status_of;

namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

std::size_t occurrences(const std::string& text, const std::string& of) {
  std::size_t count = 0;
  for (auto at = text.find(of); at != text.npos; at = text.find(of, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("metrics are served as Prometheus reads them") {
  AdminServer server;
  const std::string answer = server.exchange(http_request("GET", "/metrics"));
  CHECK(status_of(answer) == "200");
  CHECK(header_of(answer, "Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(body_of(answer).starts_with("# HELP sluice_build_info "));
  CHECK(status_of(server.exchange(http_request("POST", "/metrics"))) == "405");
  CHECK(status_of(server.exchange(http_request("GET", "/metrics?queue=a"))) == "400");
}

TEST_CASE("each queue has its messages by state and by how they ended") {
  FakeApi api;
  auto stats = make_queue("images", "images/+", 7, 2);
  stats.delayed = 3;
  stats.dead = 4;
  stats.consumers = 5;
  stats.oldest_age_ms = 1500;
  stats.stored_total = 100;
  stats.kept = 70;
  stats.bytes = 7000;
  stats.refused_total = 17;
  for (std::size_t end = 0; end < dispatch::kEnds; ++end) stats.ended[end] = 60 + end;
  stats.redelivered_total = 15;
  stats.redriven_total = 16;
  api.by_name["images"] = stats;
  const std::string text = admin::metrics_text(api);
  CHECK(has_line(text, R"(# TYPE sluice_queue_messages gauge)"));
  CHECK(has_line(text, R"(sluice_queue_messages{queue="images",state="ready"} 7)"));
  CHECK(has_line(text, R"(sluice_queue_messages{queue="images",state="in_flight"} 2)"));
  CHECK(has_line(text, R"(sluice_queue_messages{queue="images",state="delayed"} 3)"));
  CHECK(has_line(text, R"(sluice_queue_messages{queue="images",state="dead"} 4)"));
  CHECK(has_line(text, R"(sluice_queue_consumers{queue="images"} 5)"));
  CHECK(has_line(text, R"(sluice_queue_oldest_age_seconds{queue="images"} 1.5)"));
  CHECK(has_line(text, R"(# TYPE sluice_queue_stored_total counter)"));
  CHECK(has_line(text, R"(sluice_queue_stored_total{queue="images"} 100)"));
  CHECK(has_line(text, R"(sluice_queue_ended_total{queue="images",how="acked"} 60)"));
  CHECK(has_line(text, R"(sluice_queue_ended_total{queue="images",how="superseded"} 61)"));
  CHECK(has_line(text, R"(sluice_queue_ended_total{queue="images",how="dead"} 63)"));
  CHECK(has_line(text, R"(sluice_queue_ended_total{queue="images",how="purged"} 64)"));
  CHECK(has_line(text, R"(sluice_queue_ended_total{queue="images",how="lost"} 62)"));
  CHECK(has_line(text, R"(sluice_queue_ended_total{queue="images",how="expired"} 66)"));
  CHECK(has_line(text, R"(sluice_queue_ended_total{queue="images",how="retired"} 67)"));
  CHECK(has_line(text, R"(sluice_queue_ended_total{queue="images",how="dropped"} 68)"));
  CHECK(has_line(text, R"(sluice_queue_ended_total{queue="images",how="unneeded"} 69)"));
  CHECK(has_line(text, R"(sluice_queue_kept_messages{queue="images"} 70)"));
  CHECK(has_line(text, R"(sluice_queue_kept_bytes{queue="images"} 7000)"));
  CHECK(has_line(text, R"(sluice_queue_refused_total{queue="images"} 17)"));
  CHECK(has_line(text, R"(sluice_queue_redelivered_total{queue="images"} 15)"));
  CHECK(has_line(text, R"(sluice_queue_redriven_total{queue="images"} 16)"));
}

TEST_CASE("clients, publishes, the broker and the journal are there") {
  FakeApi api;
  api.current_health = {false, "no space left", "unreachable"};
  api.current_figures.clients = 3;
  api.current_figures.accepted = 9;
  api.current_figures.refused = 1;
  api.current_figures.publishes_from_clients = 20;
  api.current_figures.publishes_from_broker = 30;
  api.current_figures.publishes_denied = 4;
  api.current_figures.held = 5;
  api.current_figures.failed_commits = 2;
  api.current_figures.ready_memory_bytes = 12345;
  api.current_figures.commits.note(std::chrono::milliseconds(4));
  api.current_figures.commits.note(std::chrono::milliseconds(5));  // a bound belongs to its bucket
  api.current_figures.commits.note(std::chrono::seconds(9));
  const std::string text = admin::metrics_text(api);
  CHECK(has_line(text, R"(sluice_healthy 0)"));
  CHECK(has_line(text, R"(sluice_upstream{state="reachable"} 0)"));
  CHECK(has_line(text, R"(sluice_upstream{state="unreachable"} 1)"));
  CHECK(has_line(text, R"(sluice_clients 3)"));
  CHECK(has_line(text, R"(sluice_ready_memory_bytes 12345)"));
  CHECK(has_line(text, R"(sluice_connections_total{result="accepted"} 9)"));
  CHECK(has_line(text, R"(sluice_connections_total{result="refused"} 1)"));
  CHECK(has_line(text, R"(sluice_publishes_total{from="client"} 20)"));
  CHECK(has_line(text, R"(sluice_publishes_total{from="broker"} 30)"));
  CHECK(has_line(text, "sluice_publishes_denied_total 4"));
  CHECK(has_line(text, "sluice_clients_held 5"));
  CHECK(has_line(text, R"(sluice_journal_commits_failed_total 2)"));
  CHECK(has_line(text, R"(# TYPE sluice_journal_commit_seconds histogram)"));
  CHECK(has_line(text, R"(sluice_journal_commit_seconds_count 3)"));
  CHECK(has_line(text, R"(sluice_journal_commit_seconds_bucket{le="0.0025"} 0)"));
  CHECK(has_line(text, R"(sluice_journal_commit_seconds_bucket{le="2.5"} 2)"));
  CHECK(has_line(text, R"(sluice_journal_commit_seconds_bucket{le="+Inf"} 3)"));
}

TEST_CASE("many queues don't make many series") {
  FakeApi api;
  const auto add = [&](std::size_t number) {
    const std::string name = "q" + std::to_string(number);
    api.by_name[name] = make_queue(name, name + "/+");
  };
  const auto shown = [&] {
    return occurrences(admin::metrics_text(api), "\nsluice_queue_consumers{");
  };
  for (std::size_t i = 1; i < admin::kQueuesInMetrics; ++i) add(i);
  CHECK(shown() == admin::kQueuesInMetrics - 1);
  add(admin::kQueuesInMetrics);
  CHECK(shown() == admin::kQueuesInMetrics);
  CHECK(has_line(admin::metrics_text(api), "sluice_series_truncated 0"));
  add(admin::kQueuesInMetrics + 1);
  CHECK(shown() == admin::kQueuesInMetrics);
  CHECK(has_line(admin::metrics_text(api), "sluice_series_truncated 1"));
}

TEST_CASE("each group has its own progress, and many groups don't make many series") {
  FakeApi api;
  auto& stats = api.by_name["images"] = make_queue("images", "images/+");
  const auto add = [&](const std::string& name) {
    dispatch::GroupStats group;
    group.name = name;
    group.ready = 1;
    group.in_flight = 2;
    group.delayed = 3;
    group.consumers = 4;
    stats.groups.push_back(group);
  };
  const auto shown = [&] {
    return occurrences(admin::metrics_text(api), "\nsluice_group_consumers{");
  };
  add("audit \"2\"");
  const std::string text = admin::metrics_text(api);
  const std::string labels = R"({queue="images",group="audit \"2\"")";
  CHECK(has_line(text, "sluice_group_messages" + labels + R"(,state="ready"} 1)"));
  CHECK(has_line(text, "sluice_group_messages" + labels + R"(,state="in_flight"} 2)"));
  CHECK(has_line(text, "sluice_group_messages" + labels + R"(,state="delayed"} 3)"));
  CHECK(has_line(text, "sluice_group_consumers" + labels + "} 4"));
  while (stats.groups.size() < admin::kGroupsInMetrics) add("g");
  CHECK(shown() == admin::kGroupsInMetrics);
  CHECK(has_line(admin::metrics_text(api), "sluice_series_truncated 0"));
  add("g");
  CHECK(shown() == admin::kGroupsInMetrics);
  CHECK(has_line(admin::metrics_text(api), "sluice_series_truncated 1"));
}
