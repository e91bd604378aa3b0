#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "dispatch/ids.h"

// A set of offsets as a watermark and the intervals above it: what a group has settled. Costs
// memory for the gaps only, so a group that settles nearly in order costs next to nothing.

namespace dispatch {

class OffsetSet {
 public:
  // Everything below `watermark` is in the set.
  explicit OffsetSet(Offset watermark = Offset{1}) : watermark_(watermark) {}

  // Adds first..last, both included; parts that are in already are fine. Returns how many were new.
  std::uint64_t add(Offset first, Offset last);
  bool contains(Offset offset) const;

  // The lowest offset that is not in the set.
  Offset watermark() const { return watermark_; }
  // The first offset >= `from` that is not in the set.
  Offset next_missing(Offset from) const;
  // How many offsets below `end` are not in the set.
  std::uint64_t missing_below(Offset end) const;
  // first -> last of the intervals above the watermark; they neither touch nor overlap.
  const std::map<Offset, Offset>& intervals() const { return intervals_; }

  friend bool operator==(const OffsetSet&, const OffsetSet&) = default;

 private:
  Offset watermark_;
  std::map<Offset, Offset> intervals_;
  std::uint64_t above_ = 0;  // offsets inside intervals_
};

}  // namespace dispatch
