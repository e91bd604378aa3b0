#include "dispatch/sweep.h"

#include <algorithm>

namespace dispatch {

namespace {

constexpr std::uint32_t kMaxMessages = 1024;
constexpr std::uint64_t kMaxBytes = 4 * 1024 * 1024;

}  // namespace

void Sweep::start(Step& step) {
  from_ = Offset{1};
  load_.reset();
  go_on(step);
}

// The newest value of a key is for groups to come, and so is everything while there is no group.
void Sweep::go_on(Step& step) {
  if (load_ || !from_ || queue_.options().last_value || queue_.groups.empty()) return;
  while (true) {
    from_ = queue_.gone.next_missing(from_);
    if (from_ >= queue_.next) break;
    const Offset needed = std::min(queue_.next_needed(from_), queue_.next);
    if (from_ < needed) {
      load_ = Load{queue_.id, Reader::sweep, GroupId{}, from_, needed, kMaxMessages, kMaxBytes};
      step.actions.push_back(*load_);
      return;
    }
    from_ = next(needed);
  }
  from_ = {};
}

std::vector<Sweep::Found> Sweep::loaded(const Load& load,
                                        const std::vector<StoredMessage>& messages) {
  std::vector<Found> found;
  if (!load_ || load_->from != load.from || load_->end != load.end) return found;
  load_.reset();
  const auto unneeded = [&](Offset offset) {
    return queue_.keeps(offset) && queue_.next_needed(offset) > offset;
  };
  for (const StoredMessage& stored : messages) {
    if (stored.offset < from_ || stored.offset >= load.end) continue;
    from_ = next(stored.offset);
    if (unneeded(stored.offset))
      found.push_back({stored.offset, stored.offset, stored.message->size_bytes()});
  }
  if (!messages.empty()) return found;
  for (; from_ < load.end; from_ = next(from_))
    if (unneeded(from_)) found.push_back({from_, from_, 0, End::lost});
  return found;
}

}  // namespace dispatch
