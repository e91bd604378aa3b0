#include "dispatch/waiting_publishes.h"

#include <algorithm>
#include <utility>

namespace dispatch {

void WaitingPublishes::add(WaitingPublish&& publish) {
  bytes_ += publish.message->size_bytes();
  const auto waiting = std::make_shared<const WaitingPublish>(std::move(publish));
  for (const QueueId queue : waiting->queues) lines_[queue].push_back(waiting);
}

WaitingPublishes::Ref WaitingPublishes::first(QueueId queue) const {
  const auto line = lines_.find(queue);
  if (line == lines_.end()) return nullptr;
  const Ref& first = line->second.front();
  const bool first_in_all = std::ranges::all_of(
      first->queues, [&](QueueId other) { return lines_.at(other).front() == first; });
  return first_in_all ? first : nullptr;
}

void WaitingPublishes::remove(const Ref& publish) {
  bytes_ -= publish->message->size_bytes();
  for (const QueueId queue : publish->queues) {
    const auto line = lines_.find(queue);
    std::erase(line->second, publish);
    if (line->second.empty()) lines_.erase(line);
  }
}

std::vector<WaitingPublishes::Ref> WaitingPublishes::of_queue(QueueId queue) const {
  const auto line = lines_.find(queue);
  if (line == lines_.end()) return {};
  return {line->second.begin(), line->second.end()};
}

std::vector<WaitingPublishes::Ref> WaitingPublishes::of_publisher(SessionId publisher) const {
  std::vector<Ref> found;
  for (const auto& [queue, line] : lines_)
    for (const Ref& publish : line)
      if (publish->publisher == publisher && publish->queues.front() == queue)
        found.push_back(publish);
  return found;
}

}  // namespace dispatch
