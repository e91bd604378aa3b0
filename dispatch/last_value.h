#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "dispatch/consumer.h"

// What a group of a last-value queue knows of the keys whose value is in flight: a newer value of
// such a key must wait until the older one is settled or comes back. Which value is the latest is
// in QueueState::latest.

namespace dispatch {

class KeysInFlight {
 public:
  // The value of the key that is in flight; 0 if there is none.
  Offset in_flight(const std::string& key) const;
  // A value of the key goes in flight; no other one is.
  void begin(const std::string& key, Offset offset);
  // It is in flight no longer; gives back the newer value that waited for this.
  std::optional<Entry> end(const std::string& key);

  // A newer value waits; one at most, as a still newer one supersedes it first.
  void wait(Entry entry);
  // Drops the value that waits if it is this one.
  void drop_waiting(const std::string& key, Offset offset);
  // Drops those of first..last that wait; looks through all of them.
  void drop_waiting(Offset first, Offset last);
  // The one with this offset, if it waits; looks through all of them.
  const Entry* find_waiting(Offset offset) const;

 private:
  struct Key {
    Offset in_flight;
    std::optional<Entry> waiting;
  };
  std::unordered_map<std::string, Key> keys_;
};

}  // namespace dispatch
