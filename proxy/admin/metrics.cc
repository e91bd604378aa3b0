#include "proxy/admin/metrics.h"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace admin {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// --- One metric after another ---

MetricFamily family(std::string_view name, MetricType type, std::string_view help) {
  MetricFamily made;
  made.name = name;
  made.type = type;
  made.help = help;
  return made;
}

void add(MetricFamily& to, double value, Labels labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (to.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  to.metric.push_back(std::move(metric));
}

void add(MetricFamily& to, std::uint64_t value, Labels labels = {}) {
  add(to, static_cast<double>(value), std::move(labels));
}

MetricFamily one(std::string_view name, MetricType type, std::string_view help, double value) {
  MetricFamily made = family(name, type, help);
  add(made, value);
  return made;
}

MetricFamily gauge(std::string_view name, std::string_view help, std::uint64_t value) {
  return one(name, MetricType::Gauge, help, static_cast<double>(value));
}

MetricFamily counter(std::string_view name, std::string_view help, std::uint64_t value) {
  return one(name, MetricType::Counter, help, static_cast<double>(value));
}

MetricFamily histogram(std::string_view name, std::string_view help,
                       const proxy::Durations& durations) {
  constexpr auto& kBounds = proxy::Durations::kBoundsS;
  ClientMetric metric;
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    so_far += durations.count(i);
    metric.histogram.bucket.push_back({so_far, kBounds[i]});
  }
  metric.histogram.sample_count = so_far + durations.count(kBounds.size());
  metric.histogram.sample_sum = durations.sum_s();
  MetricFamily made = family(name, MetricType::Histogram, help);
  made.metric.push_back(std::move(metric));
  return made;
}

// --- The process as a whole ---

void add_server(std::vector<MetricFamily>& all, Api& api) {
  const Figures figures = api.figures();
  const Health health = api.health();
  MetricFamily build = family("sluice_build_info", MetricType::Gauge, "Always 1");
  add(build, 1.0, {{"version", SLUICE_VERSION}});
  all.push_back(std::move(build));
  all.push_back(gauge("sluice_clients", "Client connections at present", figures.clients));
  all.push_back(gauge("sluice_clients_held", "Clients at present that go on without the broker",
                      figures.held));
  MetricFamily connections =
      family("sluice_connections_total", MetricType::Counter, "Connections of clients since start");
  add(connections, figures.accepted, {{"result", "accepted"}});
  add(connections, figures.refused, {{"result", "refused"}});
  all.push_back(std::move(connections));
  MetricFamily publishes = family("sluice_publishes_total", MetricType::Counter,
                                  "PUBLISH packets received since start, plain ones included");
  add(publishes, figures.publishes_from_clients, {{"from", "client"}});
  add(publishes, figures.publishes_from_broker, {{"from", "broker"}});
  all.push_back(std::move(publishes));
  all.push_back(counter("sluice_publishes_denied_total",
                        "Publishes and Wills since start that the [[acl]] rules forbade",
                        figures.publishes_denied));
  all.push_back(gauge("sluice_ready_memory_bytes",
                      "Memory of the messages that all queues hold ready, about",
                      figures.ready_memory_bytes));
  MetricFamily upstream =
      family("sluice_upstream", MetricType::Gauge, "1 for the state that the broker is in");
  for (const std::string_view state : {"reachable", "unreachable", "unknown"})
    add(upstream, health.upstream == state ? 1.0 : 0.0, {{"state", std::string(state)}});
  all.push_back(std::move(upstream));
  all.push_back(gauge("sluice_healthy", "1 while everything can be stored, as /healthz says",
                      health.ok ? 1 : 0));
  all.push_back(histogram("sluice_journal_commit_seconds",
                          "Writing a commit, until it is on disk if its queues ask for that",
                          figures.commits));
  all.push_back(counter("sluice_journal_commits_failed_total",
                        "Commits since start that were not written", figures.failed_commits));
}

// --- Queue by queue ---

using dispatch::End;

// Not `redriven`, which is how dead letters end: it has a counter of its own.
constexpr std::array<std::pair<End, std::string_view>, 9> kEndings = {{
    {End::acked, "acked"},
    {End::superseded, "superseded"},
    {End::dead, "dead"},
    {End::purged, "purged"},
    {End::expired, "expired"},
    {End::retired, "retired"},
    {End::dropped, "dropped"},
    {End::unneeded, "unneeded"},
    {End::lost, "lost"},
}};

struct QueueFamilies {
  MetricFamily messages = family("sluice_queue_messages", MetricType::Gauge,
                                 "Messages by state; all but dead as group default sees them");
  MetricFamily kept = family("sluice_queue_kept_messages", MetricType::Gauge,
                             "Messages that are kept, in whatever state");
  MetricFamily bytes =
      family("sluice_queue_kept_bytes", MetricType::Gauge, "Size of the messages that are kept");
  MetricFamily consumers = family("sluice_queue_consumers", MetricType::Gauge, "Subscriptions");
  MetricFamily mailboxes = family("sluice_queue_mailboxes", MetricType::Gauge,
                                  "Mailboxes of a queue that has one for each topic");
  MetricFamily oldest =
      family("sluice_queue_oldest_age_seconds", MetricType::Gauge,
             "How long the oldest message that is not settled has been stored; 0 if there is none");
  MetricFamily stored =
      family("sluice_queue_stored_total", MetricType::Counter, "Messages ever stored");
  MetricFamily refused = family("sluice_queue_refused_total", MetricType::Counter,
                                "Publishes since start for which there was no room");
  MetricFamily ended =
      family("sluice_queue_ended_total", MetricType::Counter, "Messages ever, by how they ended");
  MetricFamily redelivered = family("sluice_queue_redelivered_total", MetricType::Counter,
                                    "Deliveries since start that were not the first");
  MetricFamily redriven = family("sluice_queue_redriven_total", MetricType::Counter,
                                 "Dead letters ever that went back to this queue");
  MetricFamily of_groups = family("sluice_group_messages", MetricType::Gauge,
                                  "Messages that a group has not settled, by state");
  MetricFamily consumers_of_groups =
      family("sluice_group_consumers", MetricType::Gauge, "Subscriptions of a group");
  std::size_t groups = 0;

  void add_queue(const dispatch::QueueStats& stats) {
    const std::string& queue = stats.options.name;
    add(messages, stats.ready, {{"queue", queue}, {"state", "ready"}});
    add(messages, stats.in_flight, {{"queue", queue}, {"state", "in_flight"}});
    add(messages, stats.delayed, {{"queue", queue}, {"state", "delayed"}});
    add(messages, stats.dead, {{"queue", queue}, {"state", "dead"}});
    add(kept, stats.kept, {{"queue", queue}});
    add(bytes, stats.bytes, {{"queue", queue}});
    add(consumers, stats.consumers, {{"queue", queue}});
    if (stats.options.per_topic) add(mailboxes, stats.mailboxes, {{"queue", queue}});
    add(oldest, static_cast<double>(stats.oldest_age_ms) / 1000, {{"queue", queue}});
    add(stored, stats.stored_total, {{"queue", queue}});
    add(refused, stats.refused_total, {{"queue", queue}});
    for (const auto& [end, name] : kEndings)
      add(ended, stats.ended_as(end), {{"queue", queue}, {"how", std::string(name)}});
    add(redelivered, stats.redelivered_total, {{"queue", queue}});
    add(redriven, stats.redriven_total, {{"queue", queue}});
    for (const dispatch::GroupStats& group : stats.groups)
      if (++groups <= kGroupsInMetrics) add_group(queue, group);
  }

  void add_group(const std::string& queue, const dispatch::GroupStats& group) {
    const Labels labels = {{"queue", queue}, {"group", group.name}};
    const auto add_state = [&](std::string_view state, std::uint64_t count) {
      Labels with_state = labels;
      with_state.push_back({"state", std::string(state)});
      add(of_groups, count, std::move(with_state));
    };
    add_state("ready", group.ready);
    add_state("in_flight", group.in_flight);
    add_state("delayed", group.delayed);
    add(consumers_of_groups, group.consumers, labels);
  }

  void move_to(std::vector<MetricFamily>& all) {
    for (MetricFamily* each :
         {&messages, &kept, &bytes, &consumers, &mailboxes, &oldest, &stored, &refused, &ended,
          &redelivered, &redriven, &of_groups, &consumers_of_groups})
      all.push_back(std::move(*each));
  }
};

void add_queues(std::vector<MetricFamily>& all, Api& api) {
  QueueFamilies families;
  auto queues = api.queues({}, kQueuesInMetrics + 1);
  const bool more_queues = queues.size() > kQueuesInMetrics;
  if (more_queues) queues.pop_back();
  for (const QueueInfo& info : queues) families.add_queue(info.stats);
  const bool more_groups = families.groups > kGroupsInMetrics;
  all.push_back(gauge("sluice_series_truncated",
                      "1 if there are more queues or groups than have series of their own here",
                      more_queues || more_groups));
  families.move_to(all);
}

}  // namespace

std::string metrics_text(Api& api) {
  std::vector<MetricFamily> all;
  add_server(all, api);
  add_queues(all, api);
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace admin
