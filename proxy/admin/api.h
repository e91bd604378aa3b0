#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/look.h"
#include "dispatch/message.h"
#include "dispatch/queue_options.h"
#include "dispatch/result.h"
#include "dispatch/stats.h"
#include "proxy/admin/start.h"
#include "proxy/durations.h"

// What the admin side may ask of Sluice: the one interface between HTTP and queues. All calls are
// made on the core thread; answers that need the disk come later, on the same thread, once.

namespace admin {

struct Health {
  bool ok = true;
  std::string journal = "open";      // "open", "recovering", or what failed
  std::string upstream = "unknown";  // "reachable", "unreachable", "unknown" (no client yet)
};

// What is counted besides queues, since start.
struct Figures {
  std::uint64_t clients = 0;   // connected at present
  std::uint64_t accepted = 0;  // connections
  std::uint64_t refused = 0;   // connections beyond max_connections
  std::uint64_t publishes_from_clients = 0;
  std::uint64_t publishes_from_broker = 0;
  std::uint64_t publishes_denied = 0;  // by [[acl]], Wills included
  std::size_t held = 0;                // clients now that go on without the broker
  proxy::Durations commits;            // those that were written
  std::uint64_t failed_commits = 0;
  std::uint64_t ready_memory_bytes = 0;  // of messages that queues hold ready
};

// Messages a second, over the last seconds.
struct Rates {
  double in = 0;   // stored
  double out = 0;  // acknowledged
};

struct QueueInfo {
  dispatch::QueueStats stats;
  std::optional<Rates> rates;  // nothing until it has been watched for some seconds
};

// Which of the two a queue has: its messages, or those that died in it.
enum class Part { messages, dead_letters };

struct Browse {
  std::string queue;
  Part part = Part::messages;
  dispatch::Offset from{1};
  std::uint32_t limit = 100;
};

struct MessageInfo {
  dispatch::Offset offset;
  dispatch::MessageRef message;
  dispatch::MessageView view;
};

struct MessagePage {
  std::vector<MessageInfo> messages;     // not settled, by offset
  std::optional<dispatch::Offset> next;  // where to go on, if there may be more
  dispatch::Time now{};
};

struct ConsumerInfo {
  dispatch::ConsumerView view;
  std::string client_id;
  std::uint64_t idle_ms = 0;  // since the client last sent something
};

// A copy of the journal on the server's disk.
struct BackupInfo {
  std::string directory;
  bool running = true;
  std::string failure;  // why it was given up
  std::uint64_t copied_bytes = 0;
  std::uint64_t total_bytes = 0;  // about
};

class Api {
 public:
  template <class T>
  using Answer = std::function<void(dispatch::Result<T>)>;
  using Done = Answer<void>;
  using Counted = Answer<std::uint64_t>;

  virtual ~Api() = default;

  // --- Definitions ---
  virtual void create_queue(const dispatch::QueueOptions& options, Done done) = 0;
  virtual void update_queue(const dispatch::QueueOptions& options, Done done) = 0;
  virtual void delete_queue(std::string_view name, Done done) = 0;

  // --- Messages. How many there were is the answer. ---
  virtual void purge(std::string_view name, Part part, Counted counted) = 0;
  // Dead letters go back to their queue: those with these offsets, or all if there are none. An
  // error moves nothing.
  virtual void redrive(std::string_view name, const std::vector<dispatch::Offset>& offsets,
                       Counted counted) = 0;
  virtual void browse(const Browse& what, Answer<MessagePage> answer) = 0;

  // --- Groups ---
  virtual void add_group(const std::string& queue, const std::string& group, Start start,
                         Done done) = 0;
  virtual void delete_group(const std::string& queue, const std::string& group, Done done) = 0;
  // What lies before `start` is done for the group, what is kept from there on is not.
  virtual void seek_group(const std::string& queue, const std::string& group, Start start,
                          Done done) = 0;

  // --- Looking ---
  // The queues that store a publish of this topic.
  virtual std::vector<dispatch::QueueOptions> queues_of_topic(std::string_view topic) = 0;
  virtual std::optional<QueueInfo> queue(std::string_view name) = 0;
  // nullptr if there is no such queue; good for this call.
  virtual const dispatch::QueueOptions* options_of(std::string_view name) = 0;
  // By name, those after `after`, at most `limit`.
  virtual std::vector<QueueInfo> queues(std::string_view after, std::size_t limit) = 0;
  // The mailboxes of a template, by topic, those after `after`, at most `limit`.
  virtual std::vector<QueueInfo> mailboxes(std::string_view queue, std::string_view after,
                                           std::size_t limit) = 0;
  // Of one queue and its dead letters, or all if `queue` is empty; by id.
  virtual std::vector<ConsumerInfo> consumers(std::string_view queue) = 0;
  virtual Health health() = 0;
  virtual Figures figures() = 0;

  // --- Backup: answered when it is begun; backup() tells of the last one ---
  virtual void begin_backup(const std::string& directory, Done done) = 0;
  virtual std::optional<BackupInfo> backup() = 0;
};

}  // namespace admin
