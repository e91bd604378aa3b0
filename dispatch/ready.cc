#include "dispatch/ready.h"

#include <iterator>
#include <utility>

#include "dispatch/invariant.h"
#include "dispatch/key_selector.h"
#include "dispatch/lanes.h"

namespace dispatch {

std::string make_key(const QueueState& queue, const Message& message) {
  return queue.options().has_keys() ? key_of(message, queue.options().key) : std::string();
}

Entry make_entry(const QueueState& queue, Offset offset, const MessageRef& message) {
  Entry entry;
  entry.offset = offset;
  entry.message = message;
  entry.key = make_key(queue, *message);
  entry.bytes = static_cast<std::uint32_t>(message->size_bytes());
  return entry;
}

void Ready::add(Entry entry) {
  bytes_ += entry.bytes;
  const Offset offset = entry.offset;
  const auto before = entries_.size();
  const auto added = entries_.emplace_hint(entries_.end(), offset, std::move(entry));
  INVARIANT(entries_.size() == before + 1, "a message is ready twice");
  if (lanes_ != nullptr) lanes_->ready(added->second);
}

const Entry* Ready::first_from(Offset from) const {
  auto found = entries_.begin();
  if (found != entries_.end() && found->first < from) found = entries_.lower_bound(from);
  return found == entries_.end() ? nullptr : &found->second;
}

Entry Ready::take(Offset offset) {
  const auto found = entries_.find(offset);
  INVARIANT(found != entries_.end(), "a message to hand out is not ready");
  Entry entry = std::move(found->second);
  bytes_ -= entry.bytes;
  entries_.erase(found);
  if (lanes_ != nullptr) lanes_->not_ready(entry);
  return entry;
}

void Ready::drop(Offset offset) {
  if (entries_.contains(offset)) take(offset);
}

void Ready::inform(Lanes* lanes) {
  lanes_ = lanes;
  if (lanes == nullptr) return;
  for (const auto& [offset, entry] : entries_) lanes->ready(entry);
}

void Ready::rekey(const QueueState& queue) {
  for (auto& [offset, entry] : entries_) entry.key = make_key(queue, *entry.message);
}

std::optional<Offset> Ready::trim(std::uint64_t max_messages, std::uint64_t max_bytes) {
  std::optional<Offset> first_dropped;
  while (entries_.size() > 1 && (entries_.size() > max_messages || bytes_ > max_bytes)) {
    first_dropped = std::prev(entries_.end())->first;
    drop(*first_dropped);
  }
  return first_dropped;
}

}  // namespace dispatch
