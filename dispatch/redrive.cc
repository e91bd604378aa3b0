#include "dispatch/redrive.h"

#include <algorithm>
#include <map>
#include <memory>

namespace dispatch {

namespace {

// As it was before it died, but stored now: its age, and with it retention, begins anew.
MessageRef revived(const Message& dead, Time now) {
  auto message = std::make_shared<Message>(dead);
  message->dead_letter.reset();
  message->stored_at = now;
  return message;
}

void move_back(const StoredMessage& stored, Queue& dead, Queue& origin, Turn& turn) {
  const auto& letter = stored.message->dead_letter;
  const bool outdated = letter && origin.has_newer_value(*stored.message, letter->origin);
  const End end = outdated ? End::superseded : End::redriven;
  if (!dead.remove(stored.offset, stored.message->size_bytes(), end, turn) || outdated) return;
  origin.append(revived(*stored.message, turn.now), turn);
}

}  // namespace

void Redrive::go_on(const Queue& dead, const CoreLimits& limits, Turn& turn) {
  load_.reset();
  const QueueState& state = dead.state();
  next_ = state.gone.next_missing(next_);
  if (next_ < end_) {
    load_ = Load{state.id,
                 Reader::redrive,
                 GroupId{},
                 next_,
                 end_,
                 static_cast<std::uint32_t>(limits.window_messages),
                 limits.window_bytes};
    turn.step.actions.push_back(*load_);
  } else if (request_) {
    turn.step.actions.push_back(Accept{request_});
  }
}

bool Redrive::waits_for(const Load& load) const {
  return load_ && load_->queue == load.queue && load_->from == load.from && load_->end == load.end;
}

void Redrive::loaded(const std::vector<StoredMessage>& messages, Queue& dead, const HomeOf& home_of,
                     const CoreLimits& limits, Turn& turn) {
  std::map<QueueId, Queue*> homes;
  for (const StoredMessage& stored : messages) {
    if (stored.offset < next_ || stored.offset >= end_) continue;
    if (dead.state().keeps(stored.offset)) {
      Queue& home = home_of(stored.message->topic);
      homes[home.id()] = &home;
      move_back(stored, dead, home, turn);
    }
    next_ = dispatch::next(stored.offset);
  }
  if (messages.empty()) next_ = end_;  // the journal has no more of them
  go_on(dead, limits, turn);
  for (const auto& [id, home] : homes) home->hand_out(turn);
  dead.hand_out(turn);
}

}  // namespace dispatch
