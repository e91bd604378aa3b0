#include "proxy/admin_api.h"

#include <unordered_map>
#include <utility>

namespace proxy {
namespace {

// How often totals are noted, and how many queues at a time, so that the core is never held up by
// many of them.
constexpr std::chrono::seconds kWatchEvery{5};
constexpr std::chrono::milliseconds kBetweenSlices{1};
constexpr std::size_t kSlice = 500;

}  // namespace

AdminApi::AdminApi(boost::asio::io_context& core, QueueService& queues,
                   const SessionRegistry& registry, const UpstreamHealth& upstream,
                   const Traffic& traffic)
    : queues_(queues), registry_(registry), upstream_(upstream), traffic_(traffic), timer_(core) {
  watch({});
}

// One slice of queues after another, then a pause.
void AdminApi::watch(std::string after) {
  const dispatch::Time now = queues_.now();
  const auto slice = queues_.stats_after(after, kSlice);
  for (const auto& stats : slice)
    rates_.note(stats.options.name, {stats.stored_total, stats.ended_as(dispatch::End::acked)},
                now);
  const bool more = slice.size() == kSlice;
  after = more ? slice.back().options.name : std::string();
  if (!more) rates_.forget_before(now - 2 * kWatchEvery);
  timer_.expires_after(more ? std::chrono::milliseconds(kBetweenSlices) : kWatchEvery);
  timer_.async_wait([this, after = std::move(after)](const boost::system::error_code& error) {
    if (!error) watch(after);
  });
}

void AdminApi::find_start(const std::string& queue, admin::Start start,
                          Answer<dispatch::Offset> answer) {
  if (const auto* offset = std::get_if<dispatch::Offset>(&start)) return answer(*offset);
  const auto* ago = std::get_if<dispatch::Duration>(&start);
  const dispatch::Time time = ago ? queues_.now() - *ago : std::get<dispatch::Time>(start);
  queues_.find_time(queue, time, std::move(answer));
}

void AdminApi::add_group(const std::string& queue, const std::string& group, admin::Start start,
                         Done done) {
  find_start(queue, start,
             [this, queue, group, done](const dispatch::Result<dispatch::Offset>& offset) {
               if (!offset) return done(offset.error());
               queues_.add_group(queue, group, *offset, done);
             });
}

void AdminApi::seek_group(const std::string& queue, const std::string& group, admin::Start start,
                          Done done) {
  find_start(queue, start,
             [this, queue, group, done](const dispatch::Result<dispatch::Offset>& offset) {
               if (!offset) return done(offset.error());
               queues_.seek_group(queue, group, *offset, done);
             });
}

std::vector<dispatch::QueueOptions> AdminApi::queues_of_topic(std::string_view topic) {
  std::vector<dispatch::QueueOptions> found;
  for (const auto* options : queues_.queues_of_topic(topic)) found.push_back(*options);
  return found;
}

void AdminApi::browse(const admin::Browse& what, Answer<admin::MessagePage> answer) {
  queues_.browse(
      what.queue, what.part == admin::Part::dead_letters, what.from, what.limit,
      [this, answer = std::move(answer)](dispatch::Result<QueueService::Browsed>&& found) {
        if (!found) return answer(found.error());
        std::vector<dispatch::Offset> offsets;
        offsets.reserve(found->messages.size());
        for (const auto& stored : found->messages) offsets.push_back(stored.offset);
        const auto views = queues_.look_at(found->queue, offsets);
        admin::MessagePage page;
        page.next = found->next;
        page.now = queues_.now();
        for (std::size_t i = 0; i < offsets.size(); ++i)
          if (views[i].place != dispatch::Place::settled)
            page.messages.push_back({offsets[i], found->messages[i].message, views[i]});
        answer(std::move(page));
      });
}

admin::QueueInfo AdminApi::info_of(dispatch::QueueStats&& stats) const {
  admin::QueueInfo info;
  info.rates = rates_.of(stats.options.name);
  info.stats = std::move(stats);
  return info;
}

std::optional<admin::QueueInfo> AdminApi::queue(std::string_view name) {
  auto stats = queues_.stats(name);
  if (!stats) return std::nullopt;
  return info_of(std::move(*stats));
}

std::vector<admin::QueueInfo> AdminApi::queues(std::string_view after, std::size_t limit) {
  std::vector<admin::QueueInfo> infos;
  for (auto& stats : queues_.stats_after(after, limit)) infos.push_back(info_of(std::move(stats)));
  return infos;
}

std::vector<admin::QueueInfo> AdminApi::mailboxes(std::string_view queue, std::string_view after,
                                                  std::size_t limit) {
  std::vector<admin::QueueInfo> infos;
  for (auto& stats : queues_.mailbox_stats_after(queue, after, limit))
    infos.push_back(info_of(std::move(stats)));
  return infos;
}

std::vector<admin::ConsumerInfo> AdminApi::consumers(std::string_view queue) {
  std::unordered_map<dispatch::SessionId, const Session*> sessions;
  for (const Session* session : registry_.all()) sessions[session->queue_session()] = session;
  const auto now = std::chrono::steady_clock::now();
  std::vector<admin::ConsumerInfo> infos;
  for (auto& view : queues_.consumer_views(queue)) {
    admin::ConsumerInfo info;
    if (const auto found = sessions.find(view.session); found != sessions.end()) {
      info.client_id = found->second->client_id();
      const auto idle =
          std::chrono::duration_cast<std::chrono::milliseconds>(now - found->second->last_read());
      info.idle_ms = static_cast<std::uint64_t>(idle.count());
    }
    info.view = std::move(view);
    infos.push_back(std::move(info));
  }
  return infos;
}

std::optional<admin::BackupInfo> AdminApi::backup() {
  const auto& last = queues_.backup_state();
  if (!last) return std::nullopt;
  const storage::BackupProgress& progress = last->progress;
  return admin::BackupInfo{last->directory, progress.running, progress.failure,
                           progress.copied_bytes, progress.total_bytes};
}

admin::Health AdminApi::health() {
  admin::Health health;
  health.ok = queues_.failure().empty();
  if (!health.ok) health.journal = queues_.failure();
  switch (upstream_) {
    case UpstreamHealth::unknown:
      health.upstream = "unknown";
      break;
    case UpstreamHealth::reachable:
      health.upstream = "reachable";
      break;
    case UpstreamHealth::unreachable:
      health.upstream = "unreachable";
      break;
  }
  return health;
}

admin::Figures AdminApi::figures() {
  return {.clients = registry_.all().size(),
          .accepted = traffic_.accepted,
          .refused = traffic_.refused,
          .publishes_from_clients = traffic_.publishes_from_clients,
          .publishes_from_broker = traffic_.publishes_from_broker,
          .publishes_denied = traffic_.publishes_denied,
          .held = traffic_.held,
          .commits = queues_.commit_times(),
          .failed_commits = queues_.failed_commits(),
          .ready_memory_bytes = queues_.ready_memory_bytes()};
}

}  // namespace proxy
