#include "dispatch/alarms.h"

namespace dispatch {

void Alarms::set(Of group, std::optional<Time> at) {
  const auto known = by_group_.find(group);
  if (known != by_group_.end()) {
    if (at == known->second) return;
    by_time_.erase({known->second, group});
    by_group_.erase(known);
  }
  if (!at) return;
  by_group_.emplace(group, *at);
  by_time_.emplace(*at, group);
}

std::optional<Time> Alarms::first() const {
  if (by_time_.empty()) return std::nullopt;
  return by_time_.begin()->first;
}

std::optional<Alarms::Of> Alarms::take_due(Time now) {
  if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
  const Of group = by_time_.begin()->second;
  set(group, std::nullopt);
  return group;
}

}  // namespace dispatch
