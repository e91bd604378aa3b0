#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/admin/api.h"
#include "proxy/queue_service.h"
#include "proxy/rate_book.h"
#include "proxy/session.h"
#include "proxy/session_registry.h"

namespace proxy {

// The admin side's view of the queue service and of who is connected.
class AdminApi final : public admin::Api {
 public:
  // All outlive it. Watches how fast messages come and go from now on.
  AdminApi(boost::asio::io_context& core, QueueService& queues, const SessionRegistry& registry,
           const UpstreamHealth& upstream, const Traffic& traffic);

  void create_queue(const dispatch::QueueOptions& options, Done done) override {
    queues_.create(options, std::move(done));
  }
  void update_queue(const dispatch::QueueOptions& options, Done done) override {
    queues_.update(options, std::move(done));
  }
  void delete_queue(std::string_view name, Done done) override {
    queues_.remove(name, std::move(done));
  }
  void purge(std::string_view name, admin::Part part, Counted counted) override {
    queues_.purge(name, part == admin::Part::dead_letters, std::move(counted));
  }
  void redrive(std::string_view name, const std::vector<dispatch::Offset>& offsets,
               Counted counted) override {
    queues_.redrive(name, offsets, std::move(counted));
  }
  void add_group(const std::string& queue, const std::string& group, admin::Start start,
                 Done done) override;
  void delete_group(const std::string& queue, const std::string& group, Done done) override {
    queues_.delete_group(queue, group, std::move(done));
  }
  void seek_group(const std::string& queue, const std::string& group, admin::Start start,
                  Done done) override;
  std::vector<dispatch::QueueOptions> queues_of_topic(std::string_view topic) override;
  void browse(const admin::Browse& what, Answer<admin::MessagePage> answer) override;
  std::optional<admin::QueueInfo> queue(std::string_view name) override;
  const dispatch::QueueOptions* options_of(std::string_view name) override {
    return queues_.options_of(name);
  }
  std::vector<admin::QueueInfo> queues(std::string_view after, std::size_t limit) override;
  std::vector<admin::QueueInfo> mailboxes(std::string_view queue, std::string_view after,
                                          std::size_t limit) override;
  std::vector<admin::ConsumerInfo> consumers(std::string_view queue) override;
  admin::Health health() override;
  void begin_backup(const std::string& directory, Done done) override {
    queues_.begin_backup(directory, std::move(done));
  }
  std::optional<admin::BackupInfo> backup() override;
  admin::Figures figures() override;

 private:
  void watch(std::string after);
  void find_start(const std::string& queue, admin::Start start, Answer<dispatch::Offset> answer);
  admin::QueueInfo info_of(dispatch::QueueStats&& stats) const;

  QueueService& queues_;
  const SessionRegistry& registry_;
  const UpstreamHealth& upstream_;
  const Traffic& traffic_;
  RateBook rates_;
  boost::asio::steady_timer timer_;
};

}  // namespace proxy
