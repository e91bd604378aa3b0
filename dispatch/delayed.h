#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "dispatch/consumer.h"
#include "dispatch/queue_options.h"
#include "dispatch/queue_state.h"
#include "dispatch/random.h"
#include "dispatch/time.h"

// The messages of a group whose last delivery failed and which wait for their next attempt. In
// memory until then; a restart makes them ready.

namespace dispatch {

class Lanes;

// How long to wait after so many failed attempts: retry_delay, growing by retry_multiplier up to
// retry_delay_max, shortened by a random part of at most retry_jitter percent.
Duration retry_delay(const QueueOptions& options, std::uint32_t failed, Random& random);

class Delayed {
 public:
  void add(Entry entry, Time until);
  // Takes out a message that is due, if any: first come, first served.
  std::optional<Entry> take_due(Time now);
  // Takes out a message whether it is due or not; nothing if it is not here.
  std::optional<Entry> take(Offset offset);

  // Drops those of first..last that are here.
  void drop(Offset first, Offset last);

  // As in Ready.
  void inform(Lanes* lanes);
  void rekey(const QueueState& queue);

  bool contains(Offset offset) const { return entries_.contains(offset); }
  const Entry* find(Offset offset) const;
  std::optional<Time> first_due() const;
  std::uint64_t size() const { return entries_.size(); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Waiting {
    Entry entry;
    Time until;
  };
  std::map<Offset, Waiting> entries_;
  std::set<std::pair<Time, Offset>> by_time_;
  std::uint64_t bytes_ = 0;
  Lanes* lanes_ = nullptr;
};

}  // namespace dispatch
