#include <algorithm>

#include "dispatch/group.h"
#include "dispatch/invariant.h"

// How much of the log a group keeps in memory, and when it reads on.

namespace dispatch {

namespace {

// A group without consumers keeps this much at most: many idle queues must be cheap, yet the first
// consumer should not have to wait for the journal. With consumers, when memory is short.
constexpr std::uint64_t kSmallWindowMessages = 64;
constexpr std::uint64_t kSmallWindowBytes = 256 * 1024;

// How many windows of messages too large for the consumers with credit may be passed over.
constexpr std::uint64_t kWindowsPassedOver = 8;

}  // namespace

CoreLimits Group::window() const {
  CoreLimits limits = shared_.limits;
  if (consumers_.empty() && shared_.memory.is_full_for_idle()) return {0, 0};
  if (!consumers_.empty() && !shared_.memory.is_full()) return limits;
  limits.window_messages = std::min(limits.window_messages, kSmallWindowMessages);
  limits.window_bytes = std::min(limits.window_bytes, kSmallWindowBytes);
  return limits;
}

void Group::skip_settled() {
  cursor_ = std::min(state_.settled.next_missing(cursor_), queue_.next);
}

void Group::read_ahead(Turn& turn) {
  if (load_) return;
  skip_settled();
  if (cursor_ == queue_.next) return;
  const auto room = room_to_read();
  if (room.window_messages == 0) return;
  load_ = Load{queue_.id,        Reader::group, id_,
               cursor_,          queue_.next,   static_cast<std::uint32_t>(room.window_messages),
               room.window_bytes};
  turn.step.actions.push_back(*load_);
}

// How much to read now; nothing as long as the window is half full.
CoreLimits Group::room_to_read() const {
  const auto limit = window();
  const auto messages = ready_.size(), bytes = ready_.bytes();
  if (too_many_delayed()) return {0, 0};
  // Somebody could take more, but not what is ready: it is too large for them. Look past it.
  if (!chooser_->empty() && messages < limit.window_messages * kWindowsPassedOver &&
      bytes < limit.window_bytes * kWindowsPassedOver)
    return limit;
  if (messages > 0 && (messages * 2 >= limit.window_messages || bytes * 2 >= limit.window_bytes))
    return {0, 0};
  return {limit.window_messages - messages, limit.window_bytes - bytes};
}

// Consumers that fail everything must not pull the whole backlog into memory.
bool Group::too_many_delayed() const {
  const auto limit = window();
  return delayed_.size() >= limit.window_messages * kWindowsPassedOver ||
         delayed_.bytes() >= limit.window_bytes * kWindowsPassedOver;
}

void Group::account() {
  memory_.set(ready_.size() + delayed_.size(), ready_.bytes() + delayed_.bytes(),
              load_ ? load_->max_bytes : 0, consumers_.empty());
}

// The last consumer has gone: keep the head only. Nothing is in flight, so all that was taken from
// the log and isn't settled is in ready_ or delayed, and the log has it still.
void Group::shrink() {
  INVARIANT(in_flight_ == 0, "something is in flight without a consumer");
  const auto limit = window();
  const auto dropped = ready_.trim(limit.window_messages, limit.window_bytes);
  if (!dropped) return;
  cursor_ = *dropped;
  load_.reset();
}

}  // namespace dispatch
