#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/queue_set.h"
#include "dispatch/result.h"

// What the admin side may ask of Sluice: the one interface between HTTP and queues. All calls are
// made on the core thread; answers that need the disk come later, on the same thread, once.

namespace admin {

struct Health {
  bool ok = true;
  std::string journal = "open";      // "open", "recovering", or what failed
  std::string upstream = "unknown";  // "reachable", "unreachable", "unknown" (no client yet)
};

class Api {
 public:
  using Done = std::function<void(dispatch::Result<void>)>;

  virtual ~Api() = default;
  virtual void create_queue(const dispatch::QueueOptions& options, Done done) = 0;
  virtual void delete_queue(std::string_view name, Done done) = 0;
  virtual std::optional<dispatch::QueueStats> queue(std::string_view name) = 0;
  virtual std::vector<dispatch::QueueStats> queues() = 0;  // by name
  virtual Health health() = 0;
};

}  // namespace admin
