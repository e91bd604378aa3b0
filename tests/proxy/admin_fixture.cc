#include "tests/proxy/admin_fixture.h"

#include <doctest/doctest.h>

#include <future>

#include "dispatch/topic.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace test {

namespace asio = boost::asio;
using dispatch::Error;
using dispatch::ErrorKind;

void FakeApi::finish(Done done) {
  if (hold)
    held.push_back(std::move(done));
  else
    done(journal);
}

void FakeApi::create_queue(const dispatch::QueueOptions& options, Done done) {
  if (by_name.contains(options.name))
    return done(Error{ErrorKind::exists, "queue '" + options.name + "' exists already"});
  for (const auto& [name, stats] : by_name)
    if (stats.options.filter == options.filter)
      return done(Error{ErrorKind::exists, "queue '" + name + "' has this filter already"});
  if (journal) by_name[options.name].options = options;
  finish(std::move(done));
}

void FakeApi::update_queue(const dispatch::QueueOptions& options, Done done) {
  auto& there = by_name.find(options.name)->second.options;
  if (there.filter != options.filter)
    return done(dispatch::invalid("queue '" + options.name + "': filter can't be changed"));
  if (journal) there = options;
  finish(std::move(done));
}

void FakeApi::purge(std::string_view name, admin::Part part, Counted counted) {
  if (!journal) return counted(journal.error());
  dispatch::QueueStats& stats = by_name.find(name)->second;
  counted(std::exchange(part == admin::Part::messages ? stats.ready : stats.dead, 0));
}

void FakeApi::redrive(std::string_view name, const std::vector<dispatch::Offset>& offsets,
                      Counted counted) {
  if (!journal) return counted(journal.error());
  redriven = offsets;
  dispatch::QueueStats& stats = by_name.find(name)->second;
  const std::uint64_t count = offsets.empty() ? stats.dead : offsets.size();
  stats.dead -= count;
  counted(count);
}

void FakeApi::add_group(const std::string& queue, const std::string& group, admin::Start start,
                        Done done) {
  const auto found = by_name.find(queue);
  if (found == by_name.end()) return done(Error{ErrorKind::not_found, "no queue"});
  starts.push_back(start);
  found->second.groups.emplace_back().name = group;
  finish(std::move(done));
}

void FakeApi::delete_group(const std::string& queue, const std::string& group, Done done) {
  auto& groups = by_name.find(queue)->second.groups;
  if (std::erase_if(groups, [&](const auto& stats) { return stats.name == group; }) == 0)
    return done(Error{ErrorKind::not_found, "no group"});
  finish(std::move(done));
}

void FakeApi::seek_group(const std::string& queue, const std::string&, admin::Start start,
                         Done done) {
  if (!by_name.contains(queue)) return done(Error{ErrorKind::not_found, "no queue"});
  starts.push_back(start);
  finish(std::move(done));
}

std::vector<dispatch::QueueOptions> FakeApi::queues_of_topic(std::string_view topic) {
  std::vector<dispatch::QueueOptions> found;
  for (const auto& [name, stats] : by_name)
    if (dispatch::topic_matches(stats.options.filter, topic)) found.push_back(stats.options);
  return found;
}

void FakeApi::browse(const admin::Browse& what, Answer<admin::MessagePage> answer) {
  if (!journal) return answer(journal.error());
  admin::MessagePage page;
  for (const admin::MessageInfo& info : messages) {
    if (info.offset < what.from) continue;
    if (page.messages.size() == what.limit) {
      page.next = info.offset;
      break;
    }
    page.messages.push_back(info);
  }
  answer(std::move(page));
}

std::vector<admin::ConsumerInfo> FakeApi::consumers(std::string_view queue) {
  std::vector<admin::ConsumerInfo> found;
  for (const admin::ConsumerInfo& info : current_consumers)
    if (queue.empty() || info.view.queue == queue) found.push_back(info);
  return found;
}

void FakeApi::begin_backup(const std::string& directory, Done done) {
  if (journal) last_backup = {directory, true, {}, 50, 100};
  finish(std::move(done));
}

std::optional<admin::BackupInfo> FakeApi::backup() {
  const auto seen = last_backup;
  if (last_backup) {
    last_backup->running = false;
    last_backup->copied_bytes = last_backup->total_bytes;
  }
  return seen;
}

void FakeApi::delete_queue(std::string_view name, Done done) {
  if (journal) by_name.erase(by_name.find(name));
  finish(std::move(done));
}

std::optional<admin::QueueInfo> FakeApi::queue(std::string_view name) {
  const auto found = by_name.find(name);
  if (found == by_name.end()) return std::nullopt;
  return admin::QueueInfo{found->second, {}};
}

std::vector<admin::QueueInfo> FakeApi::queues(std::string_view after, std::size_t limit) {
  std::vector<admin::QueueInfo> some;
  for (auto it = by_name.upper_bound(after); it != by_name.end() && some.size() < limit; ++it)
    some.push_back({it->second, {}});
  return some;
}

const dispatch::QueueOptions* FakeApi::options_of(std::string_view name) {
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : &found->second.options;
}

std::vector<admin::QueueInfo> FakeApi::mailboxes(std::string_view, std::string_view after,
                                                 std::size_t limit) {
  std::vector<admin::QueueInfo> some;
  for (auto it = mailboxes_by_topic.upper_bound(after);
       it != mailboxes_by_topic.end() && some.size() < limit; ++it)
    some.push_back({it->second, {}});
  return some;
}

AdminServer::AdminServer(admin::ServerLimits limits)
    : AdminServer(proxy::Endpoint{"http", "127.0.0.1", 0, {}}, limits) {}

AdminServer::AdminServer(const proxy::Endpoint& endpoint, admin::ServerLimits limits)
    : work_(core_.get_executor()) {
  auto server = admin::Server::open(core_, endpoint, api_, limits);
  REQUIRE_MESSAGE(server.has_value(), (server ? "" : server.error().text));
  server_ = std::move(*server);
  local_ = server_->local();
  thread_ = std::thread([this] { core_.run(); });
}

AdminServer::~AdminServer() {
  stop_server();
  core_.stop();  // held answers keep it busy for ever
  thread_.join();
}

void AdminServer::on_core(const std::function<void(FakeApi&)>& work) {
  std::promise<void> done;
  asio::post(core_, [&] {
    work(api_);
    done.set_value();
  });
  done.get_future().wait();
}

void AdminServer::stop_server() {
  on_core([this](FakeApi&) { server_->stop(); });
}

void AdminServer::add_queue(const dispatch::QueueStats& stats) {
  on_core([&](FakeApi& api) { api.by_name[stats.options.name] = stats; });
}

std::string AdminServer::exchange(std::string_view bytes) const {
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  boost::system::error_code failed;
  socket.connect({asio::ip::make_address(local_.host), local_.port}, failed);
  REQUIRE_MESSAGE(!failed, failed.message());
  // A server that refuses early may close before everything is written; what it said counts.
  asio::write(socket, asio::buffer(bytes.data(), bytes.size()), failed);
  socket.shutdown(asio::socket_base::shutdown_send, failed);
  std::string answer;
  asio::read(socket, asio::dynamic_buffer(answer), failed);
  return answer;
}

dispatch::QueueStats make_queue(const std::string& name, const std::string& filter,
                                std::uint64_t ready, std::uint64_t in_flight) {
  dispatch::QueueStats stats;
  stats.options.name = name;
  stats.options.filter = filter;
  stats.ready = ready;
  stats.in_flight = in_flight;
  return stats;
}

std::string http_request(std::string_view method, std::string_view target, std::string_view body,
                         std::string_view more_headers) {
  std::string text = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\n";
  if (more_headers.find("Host:") == more_headers.npos) text += "Host: 127.0.0.1\r\n";
  text += more_headers;
  if (!body.empty()) {
    if (more_headers.find("Content-Type:") == more_headers.npos)
      text += "Content-Type: application/json\r\n";
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return text + "\r\n" + std::string(body);
}

std::string status_of(std::string_view response) {
  if (!response.starts_with("HTTP/1.1 ")) return "no HTTP response";
  return std::string(response.substr(9, 3));
}

std::string body_of(std::string_view response) {
  const auto end = response.find("\r\n\r\n");
  return end == response.npos ? std::string{} : std::string(response.substr(end + 4));
}

std::string header_of(std::string_view response, std::string_view name) {
  const std::string start = "\r\n" + std::string(name) + ": ";
  const auto at = response.find(start);
  if (at == response.npos) return {};
  const auto value = response.substr(at + start.size());
  return std::string(value.substr(0, value.find("\r\n")));
}

}  // namespace test
