#include "dispatch/queue_state.h"

#include <algorithm>
#include <utility>

#include "dispatch/invariant.h"

namespace dispatch {

namespace {

constexpr std::size_t kPruneLatestAtLeast = 1024;

template <class Tag, class Rep>
std::string text(Id<Tag, Rep> id) {
  return std::to_string(id.value);
}

// Entries that nobody needs cost memory only, so looking for them may wait until the table has
// doubled: constant work per message on average.
void set_latest(QueueState& queue, const std::string& key, Offset offset) {
  queue.latest[key] = offset;
  if (queue.latest.size() < queue.prune_latest_at) return;
  std::erase_if(queue.latest, [&](const auto& e) { return queue.settled_by_all(e.second); });
  queue.prune_latest_at = std::max(kPruneLatestAtLeast, 2 * queue.latest.size());
}

bool same_latest(const QueueState& a, const QueueState& b) {
  return std::ranges::all_of(a.latest, [&](const auto& entry) {
    if (a.settled_by_all(entry.second)) return true;
    const auto other = b.latest.find(entry.first);
    return other != b.latest.end() && other->second == entry.second;
  });
}

// Applies one kind of write each to the queue that it names.
class Apply {
 public:
  explicit Apply(QueueState& queue) : queue_(queue) {}

  Result<void> operator()(const DefineQueue& write) {
    queue_.options = write.options;
    return {};
  }

  Result<void> operator()(const DeleteQueue&) { return wrong("delete inside a queue"); }

  Result<void> operator()(const DefineGroup& write) {
    if (queue_.groups.contains(write.group))
      return wrong("group " + text(write.group) + " is defined twice");
    GroupState& group = queue_.groups[write.group];
    group.name = write.name;
    group.settled = OffsetSet(write.start);
    return {};
  }

  Result<void> operator()(const Append& write) {
    if (write.offset != queue_.next)
      return wrong("append of offset " + text(write.offset) + " where " + text(queue_.next) +
                   " is next");
    queue_.next = next(write.offset);
    if (!write.key.empty()) set_latest(queue_, write.key, write.offset);
    return {};
  }

  Result<void> operator()(const Settle& write) {
    GroupState* group = find(write.group);
    if (group == nullptr) return wrong("settle for unknown group " + text(write.group));
    if (write.first > write.last || write.last >= queue_.next || as_index(write.end) >= kEnds)
      return wrong("settle of offsets " + text(write.first) + " to " + text(write.last));
    group->ended[as_index(write.end)] += group->settled.add(write.first, write.last);
    group->attempts.erase(group->attempts.lower_bound(write.first),
                          group->attempts.upper_bound(write.last));
    return {};
  }

  Result<void> operator()(const Attempt& write) {
    GroupState* group = find(write.group);
    if (group == nullptr) return wrong("attempt for unknown group " + text(write.group));
    if (write.offset >= queue_.next || group->settled.contains(write.offset))
      return wrong("attempt on offset " + text(write.offset) + ", settled or never stored");
    group->attempts[write.offset] = write.failed;
    return {};
  }

 private:
  static std::size_t as_index(End end) { return static_cast<std::size_t>(end); }

  GroupState* find(GroupId id) {
    const auto found = queue_.groups.find(id);
    return found == queue_.groups.end() ? nullptr : &found->second;
  }

  Error wrong(const std::string& what) const {
    return invalid("queue " + text(queue_.id) + ": " + what);
  }

  QueueState& queue_;
};

QueueId queue_of(const Write& write) {
  return std::visit([](const auto& w) { return w.queue; }, write);
}

Result<void> define_new(QueueStates& states, const DefineQueue& write) {
  if (write.queue < states.next_id)
    return invalid("queue " + text(write.queue) + ": defined with an id that was used before");
  QueueState& queue = states.queues[write.queue];
  queue.id = write.queue;
  queue.options = write.options;
  states.next_id = QueueId{write.queue.value + 1};
  return {};
}

}  // namespace

Offset QueueState::first_needed() const {
  if (groups.empty()) return Offset{1};  // nobody has settled anything: all is kept
  Offset first = next;
  for (const auto& [group_id, group] : groups) first = std::min(first, group.settled.watermark());
  return first;
}

bool QueueState::settled_by_all(Offset offset) const {
  if (groups.empty()) return false;
  return std::ranges::all_of(groups,
                             [&](const auto& g) { return g.second.settled.contains(offset); });
}

bool operator==(const QueueState& a, const QueueState& b) {
  return a.id == b.id && a.options == b.options && a.next == b.next && a.groups == b.groups &&
         same_latest(a, b) && same_latest(b, a);
}

Result<void> apply(QueueState& queue, const Write& write) {
  return std::visit(Apply(queue), write);
}

void record(Step& step, QueueState& queue, Write write) {
  const auto applied = dispatch::apply(queue, write);
  INVARIANT(applied.has_value(), applied.error().text.c_str());
  step.writes.push_back(std::move(write));
}

Result<void> apply(QueueStates& states, const Write& write) {
  const auto found = states.queues.find(queue_of(write));
  if (const auto* define = std::get_if<DefineQueue>(&write); define && found == states.queues.end())
    return define_new(states, *define);
  if (found == states.queues.end())
    return invalid("queue " + text(queue_of(write)) + ": written to, but does not exist");
  if (std::holds_alternative<DeleteQueue>(write)) {
    states.queues.erase(found);
    return {};
  }
  return dispatch::apply(found->second, write);
}

}  // namespace dispatch
