#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "dispatch/queue_set.h"
#include "proxy/clock.h"
#include "proxy/journal_thread.h"
#include "proxy/protocol/packets.h"
#include "proxy/settle_command.h"

// The one place where sessions, queues and journal meet (docs/life_of_a_message.md). Events go into
// the pure core; the Steps that come out pass through one FIFO: writes to the journal thread in
// groups, actions when their group is durable. While group N is in fsync, group N + 1 fills, so
// group commit needs no timer. Core thread only.

namespace proxy {

// A session as the queue service sees it. None of these may call the service back.
class QueueClient {
 public:
  virtual void on_delivery(dispatch::Deliver&& delivery) = 0;
  // The publish with this packet identifier is durable.
  virtual void on_stored(protocol::PacketId packet_id) = 0;
  // It is not, and never will be: the journal failed, or there is no room after all.
  virtual void on_store_failed(protocol::PacketId packet_id, const dispatch::Error& why) = 0;
  // The journal was lost and recovered: every consumer of this session is gone. The service will
  // call resubscribe() from the event loop.
  virtual void on_consumers_lost() = 0;
  virtual void resubscribe() = 0;
  // can_take() is true again.
  virtual void on_queues_ready() = 0;
  // Whether it may consume from the queue of that name, which has come while it waited for one.
  virtual bool may_consume(std::string_view queue) const = 0;

 protected:
  ~QueueClient() = default;
};

class QueueService final : private JournalEvents {
 public:
  using Done = std::function<void(dispatch::Result<void>)>;
  using Counted = std::function<void(dispatch::Result<std::uint64_t>)>;

  // Takes over an open journal; `options` are those it was opened with. `core` must not be run any
  // more once the service is destroyed.
  QueueService(boost::asio::io_context& core, const Clock& clock,
               const storage::JournalOptions& options, std::unique_ptr<storage::Journal> journal,
               std::uint64_t seed);
  // Waits until what was given to the journal is on disk.
  ~QueueService();
  QueueService(const QueueService&) = delete;
  QueueService& operator=(const QueueService&) = delete;

  // --- Sessions ---

  dispatch::SessionId open_session(QueueClient& client, dispatch::SessionLimits limits);
  // The client is not called any more. Publishes under way are stored all the same, but for those
  // that waited for room: their packet identifiers are returned.
  std::vector<protocol::PacketId> close_session(dispatch::SessionId session, dispatch::Leave leave);

  // --- Producing ---

  dispatch::Route route(std::string_view topic) const { return queues_.route(topic); }
  // The queues that store a publish of this topic.
  std::vector<const dispatch::QueueOptions*> queues_of_topic(std::string_view topic) const {
    return queues_.queues_of_topic(topic);
  }
  // False while as much waits for the journal as should: sessions stop reading until
  // on_queues_ready(). What was read already is taken all the same.
  bool can_take() const { return waiting_bytes_ < kMaxWaitingBytes; }
  // With a packet identifier, on_stored() or on_store_failed() answers; with 0 nobody is told. An
  // error refuses at once.
  dispatch::Result<void> publish(dispatch::SessionId session, protocol::PacketId packet_id,
                                 dispatch::MessageRef message);

  // on_stored() for this packet identifier as soon as everything published so far is durable: for a
  // QoS 2 publish that comes again on a new connection while the first one is being stored.
  void confirm(dispatch::SessionId session, protocol::PacketId packet_id);
  // Another number after each failure of the journal: what was published in an earlier epoch and
  // not confirmed may be lost.
  std::uint64_t journal_epoch() const { return journal_epoch_; }

  // --- Consuming: see dispatch/queue_set.h ---

  // Deliveries may come before this returns.
  dispatch::Result<dispatch::ConsumerId> subscribe(dispatch::SessionId session,
                                                   const dispatch::QueueAddress& address,
                                                   dispatch::IfMissing if_missing,
                                                   bool settles_by_command = false);
  // The name of the queue that an address names; if there is none, the one that create_missing()
  // would give it.
  std::string name_for(const dispatch::QueueAddress& address) const;
  // Makes the queue that an address names, if it is not there, from the options for such queues.
  void create_missing(const dispatch::QueueAddress& address,
                      const dispatch::QueueOptions& defaults);
  void unsubscribe(dispatch::ConsumerId consumer);
  void settle(dispatch::ConsumerId consumer, dispatch::DeliveryId delivery,
              dispatch::Outcome outcome, std::string_view reason = {});
  void free_slot(dispatch::SessionId session);
  // In the place of free_slot(): the client has a delivery that is to be settled by command.
  void arrived(dispatch::SessionId session, dispatch::ConsumerId consumer,
               dispatch::DeliveryId delivery);
  // What such a delivery is called in commands. Nobody knows it but who got the delivery, and it
  // means nothing to the next process.
  std::string name_of(dispatch::DeliveryId delivery) const;
  // Does what a command says. True if on_stored() or on_store_failed() will answer; false if the
  // delivery is not this session's any more.
  bool command(dispatch::SessionId session, protocol::PacketId packet_id,
               const SettleCommand& command);
  void set_plain_in_flight(dispatch::SessionId session, std::uint32_t count);
  void set_writable(dispatch::SessionId session, bool writable);
  // nullptr if no queue has that name.
  const dispatch::QueueOptions* options_of(std::string_view name) const {
    return queues_.options_of(name);
  }
  // Name and metadata option of a queue that a delivery names; nullptr if it was deleted meanwhile.
  const dispatch::QueueOptions* options_of(dispatch::QueueId queue) const {
    return queues_.options_of(queue);
  }

  // --- Sessions that outlive the process: a record each, see proxy/session_record.h ---

  // `done` is called when the record is durable, or the journal has failed.
  void put_session(const std::string& client_id, const std::string& record,
                   std::function<void()> done = {});

  // --- Administration (queue_service_admin.cc): answered once, when it is durable ---

  void create(const dispatch::QueueOptions& options, Done done);
  void update(const dispatch::QueueOptions& options, Done done);
  void remove(std::string_view name, Done done);
  // Settles everything in a queue, or among its dead letters, that is not in flight. Answers with
  // how many messages that were.
  void purge(std::string_view name, bool dead, Counted counted);
  // Moves dead letters back to their queue: those with these offsets, or all if there are none.
  // Answers with how many that were.
  void redrive(std::string_view name, std::vector<dispatch::Offset> offsets, Counted counted);

  // Groups: see dispatch/queue_set.h.
  void add_group(std::string_view queue, const std::string& group, dispatch::Offset start,
                 Done done);
  void delete_group(std::string_view queue, std::string_view group, Done done);
  void seek_group(std::string_view queue, std::string_view group, dispatch::Offset start,
                  Done done);
  // The first offset of a queue that was stored at or after this time, the next one if none was.
  void find_time(std::string_view queue, dispatch::Time time,
                 std::function<void(dispatch::Result<dispatch::Offset>)> done);

  // Messages of a queue, or of its dead letters, that are not settled, from `from` on: read from
  // the journal, and nothing changes. May give fewer than asked for; `next` says where to go on.
  struct Browsed {
    dispatch::QueueId queue;
    std::vector<dispatch::StoredMessage> messages;
    std::optional<dispatch::Offset> next;
  };
  using BrowseDone = std::function<void(dispatch::Result<Browsed>)>;
  void browse(std::string_view name, bool dead, dispatch::Offset from, std::uint32_t limit,
              BrowseDone done);
  std::vector<dispatch::MessageView> look_at(dispatch::QueueId queue,
                                             std::span<const dispatch::Offset> offsets) const {
    return queues_.look_at(queue, offsets);
  }

  // A backup of the journal, while it serves: a directory on this machine that is not there yet.
  struct BackupState {
    std::string directory;
    storage::BackupProgress progress;
  };
  // Answered when it is begun; backup_state() tells how it goes on.
  void begin_backup(const std::string& directory, Done done);
  // Of the last one, if there was one since start.
  const std::optional<BackupState>& backup_state() const { return backup_; }

  std::optional<dispatch::QueueStats> stats(std::string_view name) const;
  std::vector<dispatch::QueueStats> stats_after(std::string_view name, std::size_t limit) const {
    return queues_.stats_after(name, limit, now());
  }
  std::vector<dispatch::QueueStats> mailbox_stats_after(std::string_view name,
                                                        std::string_view topic,
                                                        std::size_t limit) const {
    return queues_.mailbox_stats_after(name, topic, limit, now());
  }
  std::vector<dispatch::ConsumerView> consumer_views(std::string_view name) const {
    return queues_.consumer_views(name, now());
  }
  std::string name_of_filter(std::string_view filter) const {
    return queues_.name_of_filter(filter);
  }
  // Empty while all is well, else why nothing can be stored at present.
  const std::string& failure() const { return failure_.empty() ? low_disk_ : failure_; }
  std::uint64_t ready_memory_bytes() const { return queues_.ready_memory_bytes(); }
  const Durations& commit_times() const { return journal_.commit_times(); }
  std::uint64_t failed_commits() const { return journal_.failed_commits(); }
  dispatch::Time now() const { return clock_.now(); }

 private:
  // Both are in the order of arrival, so what waits is how long a quiet queue waits for a busy one
  // (docs/benchmarks.md), and more than this would gain no throughput.
  static constexpr std::size_t kMaxWaitingBytes = 4 * 1024 * 1024;
  // What one commit holds, about: with more, everybody would wait for the last of a burst.
  static constexpr std::size_t kMaxCommitBytes = 1024 * 1024;
  static constexpr std::size_t kMaxCommitWrites = 4 * 1024;

  // The writes of many steps, which are one commit, and the actions that wait for it.
  struct Group {
    std::vector<dispatch::Write> writes;
    std::vector<dispatch::Action> actions;
    std::unordered_map<dispatch::QueueId, dispatch::Offset> ends;  // queues are durable up to here
    std::size_t bytes = 0;                                         // of the messages to be written
    bool empty() const { return writes.empty() && actions.empty(); }
    bool is_full() const { return bytes >= kMaxCommitBytes || writes.size() >= kMaxCommitWrites; }
    void clear();
  };
  struct Client {
    QueueClient* client;
    dispatch::SessionLimits limits;
    std::uint32_t deliveries_waiting = 0;  // for a commit
  };

  void on_committed(const dispatch::Result<void>& result) override;
  void on_read(const dispatch::Load& load,
               dispatch::Result<std::vector<dispatch::StoredMessage>>&& found) override;
  void on_peeked(std::uint64_t peek,
                 dispatch::Result<std::vector<dispatch::StoredMessage>>&& found) override;
  void on_session_put() override;
  void on_disk_low(const std::string& why) override;
  void on_backup(storage::BackupProgress&& progress) override;
  void on_reopened(dispatch::QueueStates&& states) override;
  void on_reopen_failed(const std::string& why) override;

  void take(dispatch::Step&& step);
  void take_action(dispatch::Action&& action);
  bool must_wait(const dispatch::Action& action);
  bool has_waiting() const { return !full_.empty() || !filling_.empty(); }
  void submit();
  void start_commit();
  void finish_group();
  void perform(dispatch::Action& action);
  void answer(dispatch::RequestId request, const dispatch::Result<void>& result);
  using Event = std::function<dispatch::Result<dispatch::Step>(dispatch::RequestId)>;
  void command(Done&& done, const Event& event);
  void fail_commands(const dispatch::Error& error);
  void fail_backup(const dispatch::Error& error);
  struct Browsing;
  void go_on_browsing(std::shared_ptr<Browsing> browsing);
  struct TimeSearch;
  void go_on_searching(const std::shared_ptr<TimeSearch>& search);
  void on_probed(const std::shared_ptr<TimeSearch>& search,
                 const dispatch::Result<std::vector<dispatch::StoredMessage>>& found);
  void fail(const std::string& why);
  void schedule_tick();
  Client* find(dispatch::SessionId session);
  dispatch::MayConsume may_consume();

  const Clock& clock_;
  const std::uint64_t seed_;
  dispatch::QueueSet queues_;
  std::unordered_map<dispatch::SessionId, Client> clients_;
  std::uint64_t last_session_ = 0;

  Group filling_;
  std::deque<Group> full_;  // in front of it
  Group committing_;
  std::size_t waiting_bytes_ = 0;  // of full_ and filling_
  std::vector<dispatch::Action> performing_;
  bool commit_under_way_ = false;
  bool submit_posted_ = false;
  std::string failure_;
  std::string low_disk_;  // not empty: why every publish is refused; settlements go on
  std::uint64_t journal_epoch_ = 1;

  // Requests of sessions say who asks by their value (make_request); those of the administration
  // have session 0 and are looked up here.
  std::unordered_map<dispatch::RequestId, Done> commands_;
  std::uint16_t last_command_ = 0;
  std::deque<std::function<void()>> session_puts_;                           // under way, in order
  std::unordered_map<std::uint64_t, std::shared_ptr<Browsing>> browsing_;    // by peek
  std::unordered_map<std::uint64_t, std::shared_ptr<TimeSearch>> searches_;  // by peek
  std::uint64_t last_peek_ = 0;

  std::optional<BackupState> backup_;
  std::string backup_asked_;  // the directory of one that is to begin, and who is to be told
  Done backup_begun_;

  boost::asio::steady_timer tick_timer_;
  std::optional<dispatch::Time> tick_at_;
  JournalThread journal_;  // last: it calls back
};

}  // namespace proxy
