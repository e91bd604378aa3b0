#include <algorithm>

#include "dispatch/key_selector.h"
#include "dispatch/queue.h"

// What a queue keeps, and for how long.

namespace dispatch {

namespace {

// How soon messages that should end but are in flight are looked at again.
constexpr Duration kLookAgain{1000};

}  // namespace

Room Queue::room_for(const Message& message) const {
  const auto& limits = options();
  if (limits.max_messages == 0 && limits.max_bytes == 0) return Room::yes;
  const std::uint64_t bytes = message.size_bytes();
  if (limits.max_bytes > 0 && bytes > limits.max_bytes) return Room::no;
  if (limits.overflow == Overflow::drop_oldest) return Room::yes;
  std::uint64_t messages_after = state_.kept() + 1, bytes_after = state_.kept_bytes + bytes;
  if (limits.last_value) {
    const auto older = state_.latest.find(key_of(message, limits.key));
    if (older != state_.latest.end() && state_.keeps(older->second.offset)) {
      --messages_after;
      bytes_after -= std::min<std::uint64_t>(bytes_after, older->second.bytes);
    }
  }
  if ((limits.max_messages == 0 || messages_after <= limits.max_messages) &&
      (limits.max_bytes == 0 || bytes_after <= limits.max_bytes))
    return Room::yes;
  return limits.overflow == Overflow::block ? Room::later : Room::no;
}

bool Queue::over_limits() const {
  const auto& limits = options();
  return (limits.max_messages > 0 && state_.kept() > limits.max_messages) ||
         (limits.max_bytes > 0 && state_.kept_bytes > limits.max_bytes);
}

// The oldest messages first: those that have expired or are too old, and one after another as long
// as there are too many. What is in flight is left alone. Sets the alarm for the next one.
void Queue::look_at_oldest(Turn& turn) {
  std::optional<Time> again;
  const auto look_again = [&](Time at) { again = again ? std::min(*again, at) : at; };
  bool some_in_flight = false;
  Offset from;
  while (const Entry* entry = head_.first_from(from)) {
    from = next(entry->offset);
    const auto stored_at = entry->message->stored_at;
    if (entry->offset == state_.first_kept()) oldest_hint_ = stored_at;
    End end = End::dropped;
    if (!must_end(*entry, turn.now, end)) {
      if (options().retention > Duration(0)) look_again(stored_at + options().retention);
      if (const auto expires_at = entry->message->expires_at()) look_again(*expires_at);
    } else if (in_flight(entry->offset)) {
      some_in_flight = true;
    } else {
      end_oldest(Entry(*entry), end, turn);
    }
  }
  if (some_in_flight) look_again(turn.now + kLookAgain);
  if (state_.kept() == 0) return head_.forget();
  if (again) {
    look_later(std::max(*again, turn.now + Duration(1)));
    if (options().overflow != Overflow::drop_oldest) return head_.forget();
  }
  // What is known will do, unless it is in flight and others have to go.
  if (!over_limits() && head_.first_from(Offset{}) != nullptr) return;
  head_.look(turn.step);
}

bool Queue::must_end(const Entry& entry, Time now, End& end) const {
  const auto retention = options().retention;
  if (entry.has_expired(now)) {
    end = End::expired;
  } else if (retention > Duration(0) && entry.message->stored_at + retention <= now) {
    end = End::retired;
  } else {
    end = End::dropped;
    return options().overflow == Overflow::drop_oldest && over_limits();
  }
  return true;
}

void Queue::end_oldest(const Entry& entry, End end, Turn& turn) {
  if (end == End::expired) return expire(entry, turn);
  if (end == End::dropped && options().dead_on_drop) bury(entry, "dropped", turn);
  end_for_all(entry.offset, entry.offset, end, entry.bytes, turn);
}

void Queue::expire(const Entry& entry, Turn& turn) {
  if (options().dead_on_expiry) bury(entry, "expired", turn);
  end_for_all(entry.offset, entry.offset, End::expired, entry.bytes, turn);
}

void Queue::bury(const Entry& entry, std::string_view reason, Turn& turn) {
  if (holds_dead_letters(options())) return;
  turn.burials.push_back({state_.id, dead_letter(entry, std::string(reason), 0, turn.now)});
}

void Queue::look_later(Time at) {
  look_at_ = look_at_ ? std::min(*look_at_, at) : at;
  set_alarm(*look_at_);
}

void Queue::set_alarm(Time at) {
  if (alarm_ && *alarm_ <= at) return;
  alarm_ = at;
  shared_.alarms.set({state_.id, GroupId{}}, at);
}

std::optional<Time> Queue::oldest_stored_at() const {
  const Offset first = state_.first_kept();
  if (const auto main = std::ranges::find_if(
          groups_, [](const auto& g) { return g.second.name() == kDefaultGroup; });
      main != groups_.end()) {
    const auto oldest = main->second.oldest_stored_at();
    if (oldest != Time{}) return oldest;
  }
  if (first >= state_.next) return std::nullopt;
  const Entry* entry = head_.first_from(first);
  return entry != nullptr && entry->offset == first ? entry->message->stored_at : oldest_hint_;
}

}  // namespace dispatch
