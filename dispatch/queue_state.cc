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
void set_latest(QueueState& queue, const std::string& key, LatestValue value) {
  queue.latest[key] = value;
  if (queue.latest.size() < queue.prune_latest_at) return;
  std::erase_if(queue.latest, [&](const auto& e) { return queue.gone.contains(e.second.offset); });
  queue.prune_latest_at = std::max(kPruneLatestAtLeast, 2 * queue.latest.size());
}

bool same_latest(const QueueState& a, const QueueState& b) {
  return std::ranges::all_of(a.latest, [&](const auto& entry) {
    if (a.gone.contains(entry.second.offset)) return true;
    const auto other = b.latest.find(entry.first);
    return other != b.latest.end() && other->second == entry.second;
  });
}

void drop_attempts(GroupState& group, Offset first, Offset last) {
  group.attempts.erase(group.attempts.lower_bound(first), group.attempts.upper_bound(last));
}

// Applies one kind of write each to the queue that it names.
class Apply {
 public:
  explicit Apply(QueueState& queue) : queue_(queue) {}

  Result<void> operator()(const DefineQueue& write) {
    queue_.set_options(write.options);
    return {};
  }

  Result<void> operator()(const DefineMailbox& write) {
    queue_.template_queue = write.template_queue;
    queue_.topic = write.topic;
    return {};
  }

  Result<void> operator()(const AddTotals& write) {
    queue_.stored_before += write.stored;
    for (std::size_t end = 0; end < kEnds; ++end) queue_.ended[end] += write.ended[end];
    return {};
  }

  Result<void> operator()(const DeleteQueue&) { return wrong("delete inside a queue"); }

  Result<void> operator()(const DefineGroup& write) {
    if (!write.group || queue_.groups.contains(write.group))
      return wrong("group " + text(write.group) + " is defined twice");
    GroupState& group = queue_.groups[write.group];
    group.name = write.name;
    group.settled = queue_.gone;
    if (write.start > Offset{1}) group.settled.add(Offset{1}, Offset{write.start.value - 1});
    return {};
  }

  Result<void> operator()(const DeleteGroup& write) {
    const GroupState* group = find(write.group);
    if (group == nullptr) return wrong("delete of unknown group " + text(write.group));
    for (std::size_t end = 0; end < kEnds; ++end) queue_.ended[end] += group->ended[end];
    queue_.groups.erase(write.group);
    return {};
  }

  Result<void> operator()(const Append& write) {
    if (write.offset != queue_.next)
      return wrong("append of offset " + text(write.offset) + " where " + text(queue_.next) +
                   " is next");
    queue_.next = next(write.offset);
    queue_.kept_bytes += write.bytes;
    if (write.key.empty() || !queue_.options().last_value) return {};
    if (const auto older = queue_.latest.find(write.key); older != queue_.latest.end())
      end_for_all(older->second.offset, older->second.offset, End::superseded, older->second.bytes);
    set_latest(queue_, write.key, {write.offset, write.bytes});
    return {};
  }

  Result<void> operator()(const Settle& write) {
    if (write.first > write.last || write.last >= queue_.next || index_of(write.end) >= kEnds)
      return wrong("settle of offsets " + text(write.first) + " to " + text(write.last));
    if (!write.group) {
      end_for_all(write.first, write.last, write.end, write.bytes);
      return {};
    }
    GroupState* group = find(write.group);
    if (group == nullptr) return wrong("settle for unknown group " + text(write.group));
    const auto settled = group->settled.add(write.first, write.last);
    group->ended[index_of(write.end)] += settled;
    drop_attempts(*group, write.first, write.last);
    if (!queue_.options().last_value) let_go(write, settled);
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
  void end_for_all(Offset first, Offset last, End end, std::uint64_t bytes) {
    const auto ended = queue_.gone.add(first, last);
    queue_.ended[index_of(end)] += ended;
    for (auto& [id, group] : queue_.groups) {
      group.settled.add(first, last);
      drop_attempts(group, first, last);
    }
    if (ended > 0) forget_bytes(bytes);
  }

  // What one group has settled is gone as far as no other group needs it.
  void let_go(const Settle& write, std::uint64_t settled) {
    std::uint64_t ended = 0;
    for (Offset from = write.first; from <= write.last;) {
      const Offset needed = queue_.next_needed(from);
      if (needed > from)
        ended += queue_.gone.add(from, std::min(write.last, Offset{needed.value - 1}));
      from = next(needed);
      if (needed > write.last) break;
    }
    if (ended > 0) forget_bytes(ended < settled ? write.bytes * ended / settled : write.bytes);
  }

  // Sizes of messages that the journal lost are not known: an empty queue has none all the same.
  void forget_bytes(std::uint64_t bytes) {
    queue_.kept_bytes -= std::min(queue_.kept_bytes, bytes);
    if (queue_.first_kept() == queue_.next) queue_.kept_bytes = 0;
  }

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

Result<void> define_new(QueueStates& states, const Write& write, SharedOptions options) {
  const QueueId id = queue_of(write);
  if (id < states.next_id)
    return invalid("queue " + text(id) + ": defined with an id that was used before");
  QueueState& queue = states.queues[id];
  queue.id = id;
  if (options) queue.shared_options = std::move(options);
  states.next_id = next(id);
  return dispatch::apply(queue, write);
}

SharedOptions options_of(const QueueStates& states, QueueId queue) {
  const auto found = states.queues.find(queue);
  return found == states.queues.end() ? nullptr : found->second.shared_options;
}

}  // namespace

Offset QueueState::next_needed(Offset from) const {
  Offset first{~std::uint64_t{0}};
  for (const auto& [group_id, group] : groups)
    first = std::min(first, group.settled.next_missing(from));
  return first;
}

void QueueState::set_options(QueueOptions options) {
  shared_options = std::make_shared<const QueueOptions>(std::move(options));
}

const SharedOptions& QueueState::default_options() {
  static const auto options = std::make_shared<const QueueOptions>();
  return options;
}

std::string QueueState::name() const {
  return is_mailbox() ? mailbox_name(options().name, topic) : options().name;
}

bool operator==(const QueueState& a, const QueueState& b) {
  return a.id == b.id && a.template_queue == b.template_queue && a.topic == b.topic &&
         a.options() == b.options() && a.next == b.next && a.gone == b.gone &&
         a.kept_bytes == b.kept_bytes && a.ended == b.ended && a.stored_before == b.stored_before &&
         a.groups == b.groups && same_latest(a, b) && same_latest(b, a);
}

void share_options(QueueStates& states) {
  for (auto& [id, queue] : states.queues)
    if (queue.is_mailbox())
      if (auto options = options_of(states, queue.template_queue)) queue.shared_options = options;
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
  const auto* mailbox = std::get_if<DefineMailbox>(&write);
  if (mailbox != nullptr)
    return define_new(states, write, options_of(states, mailbox->template_queue));
  const bool defines = std::holds_alternative<DefineQueue>(write);
  const auto found = states.queues.find(queue_of(write));
  if (found == states.queues.end())
    return defines ? define_new(states, write, nullptr)
                   : invalid("queue " + text(queue_of(write)) + ": written to, but does not exist");
  if (std::holds_alternative<DeleteQueue>(write)) {
    states.queues.erase(found);
    return {};
  }
  if (auto done = dispatch::apply(found->second, write); !done) return done;
  if (defines && found->second.options().per_topic) share_options(states);
  return {};
}

}  // namespace dispatch
