#include "dispatch/last_value.h"

#include <utility>

#include "dispatch/invariant.h"

namespace dispatch {

Offset KeysInFlight::in_flight(const std::string& key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? Offset{} : found->second.in_flight;
}

void KeysInFlight::begin(const std::string& key, Offset offset) {
  const bool added = keys_.try_emplace(key, Key{offset, std::nullopt}).second;
  INVARIANT(added, "two values of one key are in flight");
}

std::optional<Entry> KeysInFlight::end(const std::string& key) {
  const auto found = keys_.find(key);
  INVARIANT(found != keys_.end(), "a key is not in flight");
  std::optional<Entry> waiting = std::move(found->second.waiting);
  keys_.erase(found);
  return waiting;
}

void KeysInFlight::wait(Entry entry) {
  const auto found = keys_.find(entry.key);
  INVARIANT(found != keys_.end(), "a value waits for nothing");
  INVARIANT(!found->second.waiting, "two values of one key wait");
  found->second.waiting = std::move(entry);
}

void KeysInFlight::drop_waiting(const std::string& key, Offset offset) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return;
  auto& waiting = found->second.waiting;
  if (waiting && waiting->offset == offset) waiting.reset();
}

void KeysInFlight::drop_waiting(Offset first, Offset last) {
  for (auto& [name, key] : keys_)
    if (key.waiting && key.waiting->offset >= first && key.waiting->offset <= last)
      key.waiting.reset();
}

const Entry* KeysInFlight::find_waiting(Offset offset) const {
  for (const auto& [name, key] : keys_)
    if (key.waiting && key.waiting->offset == offset) return &*key.waiting;
  return nullptr;
}

}  // namespace dispatch
