#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "dispatch/ids.h"
#include "dispatch/time.h"

// Which groups wait for time, and until when: one alarm a group, the first thing it waits for.

namespace dispatch {

class Alarms {
 public:
  using Of = std::pair<QueueId, GroupId>;

  // Replaces the group's alarm; nothing removes it.
  void set(Of group, std::optional<Time> at);
  std::optional<Time> first() const;
  // A group whose alarm is due, if any; its alarm is removed.
  std::optional<Of> take_due(Time now);

 private:
  std::set<std::pair<Time, Of>> by_time_;
  std::map<Of, Time> by_group_;
};

}  // namespace dispatch
