#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "proxy/admin/api.h"
#include "proxy/admin/server.h"

// A real admin server over queues that a test makes up.

namespace test {

// Queues without messages of their own: tests write the counters. Used on the core thread only.
class FakeApi final : public admin::Api {
 public:
  void create_queue(const dispatch::QueueOptions& options, Done done) override;
  void update_queue(const dispatch::QueueOptions& options, Done done) override;
  void delete_queue(std::string_view name, Done done) override;
  void purge(std::string_view name, admin::Part part, Counted counted) override;
  void redrive(std::string_view name, const std::vector<dispatch::Offset>& offsets,
               Counted counted) override;
  void add_group(const std::string& queue, const std::string& group, admin::Start start,
                 Done done) override;
  void delete_group(const std::string& queue, const std::string& group, Done done) override;
  void seek_group(const std::string& queue, const std::string& group, admin::Start start,
                  Done done) override;
  std::vector<dispatch::QueueOptions> queues_of_topic(std::string_view topic) override;
  void browse(const admin::Browse& what, Answer<admin::MessagePage> answer) override;
  std::optional<admin::QueueInfo> queue(std::string_view name) override;
  std::vector<admin::QueueInfo> queues(std::string_view after, std::size_t limit) override;
  const dispatch::QueueOptions* options_of(std::string_view name) override;
  std::vector<admin::QueueInfo> mailboxes(std::string_view queue, std::string_view after,
                                          std::size_t limit) override;
  std::vector<admin::ConsumerInfo> consumers(std::string_view queue) override;
  admin::Health health() override { return current_health; }
  // The first look at one finds it running, the second one at its end.
  void begin_backup(const std::string& directory, Done done) override;
  std::optional<admin::BackupInfo> backup() override;
  admin::Figures figures() override { return current_figures; }

  std::map<std::string, dispatch::QueueStats, std::less<>> by_name;
  std::map<std::string, dispatch::QueueStats, std::less<>> mailboxes_by_topic;  // of every template
  std::vector<admin::MessageInfo> messages;  // of every queue, by offset
  std::vector<admin::ConsumerInfo> current_consumers;
  std::vector<dispatch::Offset> redriven;
  std::vector<admin::Start> starts;  // of groups made and moved
  admin::Health current_health;
  std::optional<admin::BackupInfo> last_backup;
  admin::Figures current_figures;
  // What the disk would do: nothing (answers at once), fail, or keep everybody waiting.
  dispatch::Result<void> journal;
  bool hold = false;
  std::vector<Done> held;

 private:
  void finish(Done done);
};

// The server on its own thread, as the core is; port 0 on 127.0.0.1 unless told otherwise.
class AdminServer {
 public:
  explicit AdminServer(admin::ServerLimits limits = {});
  AdminServer(const proxy::Endpoint& endpoint, admin::ServerLimits limits);
  ~AdminServer();

  proxy::Endpoint local() const { return local_; }
  std::string url() const { return to_text(local_); }
  // Runs `work` on the core thread and waits for it.
  void on_core(const std::function<void(FakeApi&)>& work);
  void stop_server();
  void add_queue(const dispatch::QueueStats& stats);

  // Sends bytes, says that no more will come, and returns all that is answered until the server
  // closes the connection.
  std::string exchange(std::string_view bytes) const;

 private:
  boost::asio::io_context core_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  FakeApi api_;
  std::unique_ptr<admin::Server> server_;
  proxy::Endpoint local_;
  std::thread thread_;
};

dispatch::QueueStats make_queue(const std::string& name, const std::string& filter,
                                std::uint64_t ready = 0, std::uint64_t in_flight = 0);

// A request as a careful client writes it.
std::string http_request(std::string_view method, std::string_view target,
                         std::string_view body = {}, std::string_view more_headers = {});
// "201" of "HTTP/1.1 201 Created...".
std::string status_of(std::string_view response);
std::string body_of(std::string_view response);
// The value of a header, or "".
std::string header_of(std::string_view response, std::string_view name);

}  // namespace test
