#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "dispatch/ids.h"
#include "dispatch/message.h"

namespace dispatch {

// A publish that no queue has taken yet, because one of those that store its topic is full.
struct WaitingPublish {
  RequestId request;
  SessionId publisher;
  MessageRef message;
  std::vector<QueueId> queues;  // it stands in the line of each
};

// Publishes that wait for room (overflow = block): a line a queue, first come, first served.
class WaitingPublishes {
 public:
  using Ref = std::shared_ptr<const WaitingPublish>;

  // What all of them together may hold; beyond it a publish is refused.
  static constexpr std::uint64_t kMaxBytes = 64u << 20;

  bool has_room(const Message& message) const { return bytes_ + message.size_bytes() <= kMaxBytes; }
  void add(WaitingPublish&& publish);
  // True if somebody waits in the line of this queue.
  bool any(QueueId queue) const { return lines_.contains(queue); }
  // The first one in the line of this queue, if it is first in all its lines; else nullptr.
  Ref first(QueueId queue) const;
  void remove(const Ref& publish);
  std::vector<Ref> of_publisher(SessionId publisher) const;
  std::vector<Ref> of_queue(QueueId queue) const;
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::map<QueueId, std::deque<Ref>> lines_;
  std::uint64_t bytes_ = 0;
};

}  // namespace dispatch
