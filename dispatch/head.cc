#include "dispatch/head.h"

#include <algorithm>

namespace dispatch {

namespace {

constexpr std::uint32_t kMaxMessages = 256;
constexpr std::uint64_t kMaxBytes = 1024 * 1024;

// When memory is short.
constexpr std::uint32_t kFewMessages = 16;
constexpr std::uint64_t kFewBytes = 16 * 1024;

}  // namespace

bool Head::has_room() const {
  return !budget_.is_full_for_idle() && entries_.size() < kMaxMessages &&
         entries_.bytes() < kMaxBytes;
}

void Head::look(Step& step) {
  if (load_) return;
  if (entries_.size() == 0) cursor_ = queue_.first_kept();
  cursor_ = std::min(queue_.gone.next_missing(cursor_), queue_.next);
  if (cursor_ == queue_.next) return;
  const bool few = budget_.is_full_for_idle();
  load_ = Load{queue_.id,
               Reader::head,
               GroupId{},
               cursor_,
               queue_.next,
               few ? kFewMessages : kMaxMessages,
               few ? kFewBytes : kMaxBytes};
  step.actions.push_back(*load_);
  account();
}

bool Head::loaded(const Load& load, const std::vector<StoredMessage>& messages) {
  if (!load_ || load_->from != load.from || load_->end != load.end) return false;
  load_.reset();
  for (const StoredMessage& stored : messages) {
    if (stored.offset < cursor_ || stored.offset >= load.end) continue;
    cursor_ = next(stored.offset);
    if (queue_.keeps(stored.offset))
      entries_.add(make_entry(queue_, stored.offset, stored.message));
  }
  account();
  return true;
}

void Head::account() {
  memory_.set(entries_.size(), entries_.bytes(), load_ ? load_->max_bytes : 0, true);
}

void Head::appended(const Entry& entry) {
  if (load_ || !has_room()) return;
  if (entries_.size() == 0) cursor_ = queue_.first_kept();
  if (cursor_ != entry.offset) return;
  cursor_ = next(entry.offset);
  entries_.add(entry);
  account();
}

void Head::ended(Offset first, Offset last) {
  for (auto* e = entries_.first_from(first); e && e->offset <= last; e = entries_.first_from(first))
    entries_.drop(e->offset);
  account();
}

void Head::forget() {
  entries_ = {};
  load_.reset();
  account();
}

}  // namespace dispatch
