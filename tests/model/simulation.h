#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "dispatch/queue_set.h"
#include "tests/model/reference_queue.h"

// Random events for a QueueSet, with a journal that commits when it likes and clients that settle
// as they like. Everything follows from the seed.

namespace model {

inline constexpr std::uint32_t kNarrowPacketBytes = 2000;
inline constexpr dispatch::CoreLimits kLimits{
    .window_messages = 8, .window_bytes = 6000, .budget_bytes = 8000};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed);

  // One random event. Throws BrokenInvariant.
  void event();
  // Commits and answers everything; then nothing that could move may stand still, and the books
  // must agree.
  void settle_down();

  std::uint64_t deliveries() const { return deliveries_; }
  std::uint64_t restarts() const { return restarts_; }

 private:
  struct Client {  // a consumer as its client sees it
    dispatch::SessionId session;
    dispatch::QueueId queue;
    std::map<DeliveryId, Offset> held;  // from the step on
    std::map<DeliveryId, dispatch::Time> since;
    dispatch::Time paused_until{};
    std::map<DeliveryId, Offset> overdue;  // taken away, not answered
    std::set<DeliveryId> arrived;          // sent to the client: may be settled

    // Settled by command (simulation_command.cc)
    bool by_command = false;
    std::set<DeliveryId> commanded;                 // deliveries that are
    std::set<DeliveryId> acknowledged;              // of those held: PUBACK came
    std::set<DeliveryId> settled_early;             // settled, PUBACK has not come
    std::map<DeliveryId, dispatch::Time> extended;  // of those held: until when
  };
  struct Homeless {  // a consumer whose queue was deleted
    dispatch::SessionId session;
    std::string filter;
    bool dead;
    bool by_command;
  };
  struct Connection {
    dispatch::SessionLimits limits;
    std::uint32_t slots = 0;
    std::uint32_t plain = 0;
    bool writable = true;
    std::uint32_t to_free = 0;  // slots whose delivery is over
    std::set<ConsumerId> consumers;
  };
  struct Answer {
    dispatch::Load load;
    std::vector<dispatch::StoredMessage> messages;
  };
  struct Published {  // by request: in which queues it was stored, and where
    std::vector<std::pair<dispatch::QueueId, Offset>> places;
  };

  // Events
  void create_queue();
  void house(const std::string& filter);
  void update_queue();
  void remove_queue();
  void publish();
  void open_session();
  void close_session();
  void subscribe();
  void unsubscribe();
  void settle();
  void settle_nonsense();
  using Clients = std::map<ConsumerId, Client>;
  void settle_by_command(Clients::iterator client, DeliveryId delivery);
  void acknowledge(Clients::iterator client, DeliveryId delivery);
  void extend(Clients::iterator client, DeliveryId delivery);
  void command(Clients::iterator client, DeliveryId delivery);
  std::optional<dispatch::Time> lease_end(const Client& client, DeliveryId delivery) const;
  void free_slots();
  void plain_traffic();
  void toggle_writable();
  void commit();
  void answer_load();
  void restart();
  void tick();
  void time_out(Client& client);
  void purge();
  void redrive();

  // The shell
  void take(dispatch::Step&& step);
  void note(const dispatch::Write& write);
  void note_definition(const dispatch::Write& write);
  void note(const dispatch::Deliver& deliver);
  void check_redriven(const dispatch::Step& step) const;
  void perform(const dispatch::Action& action);
  void commit_one();
  void store(const dispatch::Write& write);
  std::vector<dispatch::StoredMessage> read(const dispatch::Load& load);
  void answer_one();
  void forget_client(ConsumerId id, dispatch::Leave leave);
  void check_accepted();
  void check_books() const;
  void check_nothing_stalls();
  bool has_credit(const Client& client) const;
  bool is_narrow(const Client& client) const;
  bool all_could_take_more(dispatch::QueueId queue) const;
  // Any queue but those of dead letters; nothing if there is none.
  ReferenceQueue* any_queue();
  ReferenceQueue& origin_of(const ReferenceQueue& dead);
  const ReferenceQueue* dead_letters_of(const ReferenceQueue& origin) const;
  dispatch::QueueId id_of(const ReferenceQueue* queue) const;
  bool is_durable(dispatch::QueueId queue, Offset offset) const;

  // Chance
  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <class Map>
  typename Map::iterator any_of(Map& map);
  dispatch::MessageRef make_message();
  dispatch::QueueOptions make_options();

  std::mt19937_64 random_;
  dispatch::Time now_{};
  dispatch::Time before_{};   // of the event before
  std::uint64_t serial_ = 0;  // makes every payload, request and session different
  std::uint64_t deliveries_ = 0;
  std::uint64_t restarts_ = 0;

  std::unique_ptr<dispatch::QueueSet> set_;
  std::map<dispatch::QueueId, ReferenceQueue> queues_;
  std::map<dispatch::QueueId, ReferenceQueue> removed_;  // until that is committed
  std::map<dispatch::SessionId, Connection> connections_;
  std::map<ConsumerId, Client> clients_;
  std::map<ConsumerId, Homeless> homeless_;

  dispatch::QueueStates written_;    // the fold of all steps
  dispatch::QueueStates committed_;  // the fold of the committed ones
  std::map<dispatch::QueueId, std::map<Offset, MessageRef>> stored_;
  std::deque<dispatch::Step> uncommitted_;
  std::deque<Answer> answers_;
  std::map<dispatch::RequestId, Published> waiting_;
  std::vector<Published> accepted_;  // since the last restart
};

}  // namespace model
