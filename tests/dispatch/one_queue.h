#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "dispatch/queue_set.h"

// A QueueSet with a queue named "jobs" on "jobs/#" and its group "default", and the shell's part
// done by hand: events in, the Step as text out. Ids count from 1: sessions s1.., consumers c1..,
// deliveries in order.

namespace dispatch {

inline QueueOptions jobs() {
  QueueOptions options;
  options.name = "jobs";
  options.filter = "jobs/#";
  options.metadata = false;
  options.retry_delay = Duration(0);
  options.ack_timeout = Duration(0);
  options.release_pause = Duration(0);
  options.retention = Duration(0);
  return options;
}

class OneQueue {
 public:
  explicit OneQueue(const QueueOptions& options = jobs(), CoreLimits limits = {}) : set(1, limits) {
    note(set.create({}, options, now).value());
    note(set.add_group({}, options.name, "default", Offset{1}, now).value());
  }

  std::string publish(const std::string& topic = "jobs/a", const std::string& payload = "",
                      std::vector<UserProperty> user = {}) {
    auto message = std::make_shared<Message>();
    message->topic = topic;
    message->payload = payload;
    message->properties.user = std::move(user);
    message->stored_at = now;
    return note(set.publish({}, message, now).value());
  }
  void publish_many(int count) {
    for (int i = 0; i < count; ++i) publish();
  }

  SessionId session(SessionLimits limits = {}) {
    last_session_ = SessionId{last_session_.value + 1};
    set.open_session(last_session_, limits);
    return last_session_;
  }
  // The consumer's id counts as the session's does if each session has one.
  std::string subscribe(SessionId session, const std::string& filter = "jobs/#") {
    QueueAddress address;
    address.filter = filter;
    return note(set.subscribe(session, address, now).value().step);
  }
  // A consumer on a session of its own.
  std::string join(SessionLimits limits = {}) { return subscribe(session(limits)); }

  // The slot is freed as well, as a PUBACK does.
  std::string settle(std::uint64_t consumer, std::uint64_t delivery,
                     Outcome outcome = Outcome::ack) {
    auto text = note(set.settle({consumer}, {delivery}, outcome, now));
    return text + free_slot(consumer);
  }
  std::string free_slot(std::uint64_t session) { return note(set.free_slot({session}, now)); }
  std::string close(std::uint64_t session, Leave leave = Leave::lost) {
    return note(set.close_session({session}, leave, now));
  }

  std::string tick(Duration later = Duration(0)) {
    now += later;
    return note(set.tick(now));
  }

  // Everything so far is on disk.
  void commit() { set.durable({1}, set.states().queues.at({1}).next); }

  QueueStats stats() const { return set.stats("jobs", now).value(); }

  // Keeps what the journal would: the messages and the loads asked for.
  std::string note(const Step& step) {
    for (const auto& write : step.writes)
      if (const auto* append = std::get_if<Append>(&write))
        (append->queue == QueueId{1} ? stored : stored_dead)
            .push_back({append->offset, append->message});
    for (const auto& action : step.actions)
      if (const auto* load = std::get_if<Load>(&action)) loads.push_back(*load);
    return to_text(step);
  }

  // Answers the oldest Load with at most `count` messages of its range.
  std::string answer(std::size_t count = 1000) {
    REQUIRE_FALSE(loads.empty());
    const Load load = loads.front();
    loads.erase(loads.begin());
    std::vector<StoredMessage> found;
    for (const auto& message : load.queue == QueueId{1} ? stored : stored_dead)
      if (message.offset >= load.from && message.offset < load.end &&
          found.size() < std::min<std::size_t>(count, load.max_messages))
        found.push_back(message);
    return note(set.loaded(load, found, now));
  }

  // The process starts again on what was written so far.
  std::string restart() {
    auto states = set.states();
    set = QueueSet(1, CoreLimits{});
    loads.clear();
    return note(set.restore(std::move(states), now));
  }

  QueueSet set;
  Time now{};
  std::vector<StoredMessage> stored;
  std::vector<StoredMessage> stored_dead;  // queue 2: the dead letters
  std::vector<Load> loads;

 private:
  SessionId last_session_;
};

}  // namespace dispatch
