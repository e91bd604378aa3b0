#pragma once

#include "proxy/admin/api.h"
#include "proxy/queue_service.h"
#include "proxy/session.h"

namespace proxy {

// The admin side's view of the queue service.
class AdminApi final : public admin::Api {
 public:
  // Both outlive it.
  AdminApi(QueueService& queues, const UpstreamHealth& upstream)
      : queues_(queues), upstream_(upstream) {}

  void create_queue(const dispatch::QueueOptions& options, Done done) override {
    queues_.create(options, std::move(done));
  }
  void delete_queue(std::string_view name, Done done) override {
    queues_.remove(name, std::move(done));
  }
  std::optional<dispatch::QueueStats> queue(std::string_view name) override {
    return queues_.stats(name);
  }
  std::vector<dispatch::QueueStats> queues() override { return queues_.all_stats(); }
  admin::Health health() override;

 private:
  QueueService& queues_;
  const UpstreamHealth& upstream_;
};

}  // namespace proxy
