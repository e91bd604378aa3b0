#include "dispatch/delayed.h"

#include <algorithm>

#include "dispatch/invariant.h"
#include "dispatch/lanes.h"
#include "dispatch/ready.h"

namespace dispatch {

Duration retry_delay(const QueueOptions& options, std::uint32_t failed, Random& random) {
  const auto longest = static_cast<std::uint64_t>(options.retry_delay_max.count());
  auto ms = static_cast<std::uint64_t>(options.retry_delay.count());
  // Grows to its limit or stays what it is; either way the loop is short.
  if (options.retry_multiplier > 1)
    for (; failed > 1 && ms > 0 && ms < longest; --failed) ms *= options.retry_multiplier;
  ms = std::min(ms, longest);
  if (const auto part = ms * options.retry_jitter / 100; part > 0) ms -= random.below(part + 1);
  return Duration(static_cast<Duration::rep>(ms));
}

void Delayed::add(Entry entry, Time until) {
  const Offset offset = entry.offset;
  bytes_ += entry.bytes;
  by_time_.emplace(until, offset);
  const auto [place, added] = entries_.try_emplace(offset, Waiting{std::move(entry), until});
  INVARIANT(added, "a message is delayed twice");
  if (lanes_ != nullptr) lanes_->delayed(place->second.entry);
}

std::optional<Entry> Delayed::take_due(Time now) {
  if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
  return take(by_time_.begin()->second);
}

std::optional<Entry> Delayed::take(Offset offset) {
  auto node = entries_.extract(offset);
  if (node.empty()) return std::nullopt;
  by_time_.erase({node.mapped().until, offset});
  bytes_ -= node.mapped().entry.bytes;
  if (lanes_ != nullptr) lanes_->not_delayed(node.mapped().entry);
  return std::move(node.mapped().entry);
}

void Delayed::drop(Offset first, Offset last) {
  for (auto it = entries_.lower_bound(first); it != entries_.end() && it->first <= last;)
    take((it++)->first);
}

void Delayed::inform(Lanes* lanes) {
  lanes_ = lanes;
  if (lanes == nullptr) return;
  for (const auto& [offset, waiting] : entries_) lanes->delayed(waiting.entry);
}

void Delayed::rekey(const QueueState& queue) {
  for (auto& [offset, waiting] : entries_)
    waiting.entry.key = make_key(queue, *waiting.entry.message);
}

const Entry* Delayed::find(Offset offset) const {
  const auto found = entries_.find(offset);
  return found == entries_.end() ? nullptr : &found->second.entry;
}

std::optional<Time> Delayed::first_due() const {
  if (by_time_.empty()) return std::nullopt;
  return by_time_.begin()->first;
}

}  // namespace dispatch
