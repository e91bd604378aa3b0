#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "dispatch/step.h"

// Reading messages back, from wherever they are: what was asked for, and how far it has come.

namespace storage {

using dispatch::Offset;
using dispatch::QueueId;
using dispatch::StoredMessage;

// What a read asks for: messages of [from, end), at most so many, at least one if there is any.
struct ReadRange {
  Offset from;
  Offset end;
  std::uint32_t max_messages;
  std::uint64_t max_bytes;
};

// One read under way.
struct Reading {
  Reading(QueueId of, const ReadRange& asked) : queue(of), range(asked), next(asked.from) {}

  QueueId queue;
  ReadRange range;
  Offset next;  // the offset that comes next
  std::vector<StoredMessage> found;
  std::uint64_t bytes = 0;

  bool done() const {
    return next >= range.end || found.size() >= range.max_messages ||
           (!found.empty() && bytes >= range.max_bytes);
  }

  // False if it would go over a limit: then it is left for the next read.
  bool take(Offset offset, dispatch::MessageRef&& message) {
    const std::uint64_t size = message->size_bytes();
    if (offset >= range.end || (!found.empty() && bytes + size > range.max_bytes)) {
      next = range.end = std::min(range.end, offset);
      return false;
    }
    bytes += size;
    found.push_back({offset, std::move(message)});
    next = dispatch::next(offset);
    return true;
  }
};

}  // namespace storage
