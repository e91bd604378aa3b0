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

// Random events for one queue with several groups, limits and ends of every kind, or for a template
// and its mailboxes. The journal answers at once; the other simulation has one that doesn't. What
// each write says is held against books that are kept from what clients did and what time it is.

namespace model {

class Crowd {
 public:
  explicit Crowd(std::uint64_t seed);

  // One random event. Throws BrokenInvariant.
  void event();
  // Everything is consumed by every group; then nothing may be left, and nobody wait.
  void settle_down();

  std::uint64_t deliveries() const { return deliveries_; }
  std::uint64_t ends(dispatch::End end) const { return ends_[dispatch::index_of(end)]; }
  std::uint64_t mailboxes_gone() const { return mailboxes_gone_; }
  std::uint64_t groups_expired() const { return groups_expired_; }

 private:
  using Time = dispatch::Time;
  struct Item {
    MessageRef message;
    std::string key;
    std::uint32_t bytes = 0;
    bool gone = false;
  };
  struct GroupBook {
    std::string name;
    std::set<Offset> settled;
    std::map<Offset, std::uint64_t> held;  // by which session
    std::map<Offset, std::uint32_t> failed;
    std::set<Offset> acked;  // said by a consumer, and not written yet
    std::set<Offset> dying;  // rejected, or failed for the last time
    std::optional<Time> idle_since;
    std::size_t consumers = 0;
  };
  // A queue with messages: the only one, a mailbox, or the dead letters.
  struct Home {
    dispatch::QueueId id;
    std::string topic;  // of a mailbox
    bool dead = false;
    std::map<Offset, Item> items;
    Offset next{1};
    std::map<dispatch::GroupId, GroupBook> groups;
    std::map<std::string, Offset> latest;
    std::uint64_t kept = 0;
    std::uint64_t bytes = 0;
    Time quiet_since{};
    Time back_at{};                        // when something came back that had been in flight
    std::deque<dispatch::RequestId> line;  // publishes that wait for room
    std::uint64_t acked = 0;               // ever, by all groups
  };
  struct Client {
    std::uint64_t session = 0;
    dispatch::QueueAddress address;
    dispatch::QueueId home;
    std::string group;
    std::map<DeliveryId, Offset> held;
  };

  // Events
  void publish();
  void subscribe();
  void leave();
  void settle(std::optional<dispatch::Outcome> always = {});
  void create_group();
  void delete_group();
  void purge();
  void restart();
  void tick();

  // What was written
  void take(dispatch::Step&& step);
  void note(const dispatch::Write& write);
  void note(const dispatch::Append& write);
  void note(const dispatch::Settle& write);
  void note(const dispatch::DefineGroup& write);
  void note(const dispatch::DeleteGroup& write);
  void note_gone(const dispatch::DeleteQueue& write);
  void note(const dispatch::Deliver& deliver);
  void note_accepted(dispatch::RequestId request);
  void answer(const dispatch::Load& load);

  // The books
  void end_for_all(Home& home, Offset offset);
  void check_end_for_all(Home& home, Offset offset, dispatch::End end) const;
  void settle_in(Home& home, GroupBook& group, Offset offset, dispatch::End end);
  void forget(ConsumerId id);
  bool is_needed(const Home& home, Offset offset) const;
  bool is_quiet(const Home& home) const;
  void became_calmer(Home& home);
  bool has_room(const Home& home, const dispatch::Message& message) const;
  void check_limits() const;
  void check_books() const;
  Home& home_of(dispatch::QueueId id) { return homes_.at(id); }
  Home* find_home(const std::string& topic);
  GroupBook& group_of(Home& home, const std::string& name);
  dispatch::QueueOptions make_options();

  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  std::mt19937_64 random_;
  Time now_{};
  dispatch::QueueOptions options_;
  std::unique_ptr<dispatch::QueueSet> set_;
  dispatch::QueueStates written_;
  std::map<dispatch::QueueId, Home> homes_;
  std::map<ConsumerId, Client> clients_;
  std::map<dispatch::RequestId, MessageRef> waiting_;
  std::string deleted_by_command_;  // a group
  bool purging_ = false;
  std::set<Offset> outdated_now_;  // by this step
  std::uint64_t serial_ = 0;
  std::uint64_t stored_ = 0;  // publishes that were
  std::uint64_t deliveries_ = 0;
  std::uint64_t mailboxes_gone_ = 0;
  std::uint64_t groups_expired_ = 0;
  dispatch::Ends ends_{};
};

}  // namespace model
