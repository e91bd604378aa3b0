#include "dispatch/intervals.h"

#include <algorithm>
#include <iterator>

#include "dispatch/invariant.h"

namespace dispatch {

namespace {

std::uint64_t length(Offset first, Offset last) { return last.value - first.value + 1; }

}  // namespace

std::uint64_t OffsetSet::add(Offset first, Offset last) {
  INVARIANT(first <= last, "an interval of offsets ends before it begins");
  first = std::max(first, watermark_);
  if (last < first) return 0;

  // Swallow every interval that the new one touches; what is left of its length is new.
  auto it = intervals_.upper_bound(first);
  if (it != intervals_.begin() && next(std::prev(it)->second) >= first) --it;
  Offset from = first, to = last;
  std::uint64_t swallowed = 0;
  while (it != intervals_.end() && it->first <= next(last)) {
    from = std::min(from, it->first);
    to = std::max(to, it->second);
    swallowed += length(it->first, it->second);
    it = intervals_.erase(it);
  }
  above_ -= swallowed;
  const auto added = length(from, to) - swallowed;
  if (from == watermark_) {
    watermark_ = next(to);
  } else {
    intervals_.emplace_hint(it, from, to);
    above_ += length(from, to);
  }
  return added;
}

bool OffsetSet::contains(Offset offset) const { return next_missing(offset) != offset; }

Offset OffsetSet::next_missing(Offset from) const {
  if (from < watermark_) return watermark_;
  const auto after = intervals_.upper_bound(from);
  if (after == intervals_.begin()) return from;
  const auto last = std::prev(after)->second;
  return last < from ? from : next(last);
}

std::uint64_t OffsetSet::missing_below(Offset end) const {
  if (end <= watermark_) return 0;
  std::uint64_t inside = above_;
  for (auto it = intervals_.rbegin(); it != intervals_.rend() && it->second >= end; ++it)
    inside -= length(std::max(it->first, end), it->second);
  return end.value - watermark_.value - inside;
}

}  // namespace dispatch
