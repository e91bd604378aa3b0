#include "storage/sync_need.h"

#include <algorithm>
#include <variant>

#include "storage/fold.h"

namespace storage {
namespace {

using dispatch::Durability;
using dispatch::Write;

bool is_definition(const Write& write) {
  return std::holds_alternative<dispatch::DefineQueue>(write) ||
         std::holds_alternative<dispatch::DeleteQueue>(write) ||
         std::holds_alternative<dispatch::DefineGroup>(write) ||
         std::holds_alternative<dispatch::DeleteGroup>(write);
}

void add(SyncNeed& need, const dispatch::QueueOptions& options) {
  if (options.durability == Durability::fsync) need.now = true;
  if (options.durability != Durability::interval) return;
  need.within = need.within ? std::min(*need.within, options.sync_interval) : options.sync_interval;
}

}  // namespace

SyncNeed sync_need(const dispatch::QueueStates& states, std::span<const Write> writes) {
  SyncNeed need;
  QueueId last;  // neighbours are often of one queue
  for (const Write& write : writes) {
    if (need.now) break;
    if (is_definition(write)) return {true, std::nullopt};
    const QueueId queue = queue_of(write);
    if (queue == last) continue;
    last = queue;
    const auto found = states.queues.find(queue);
    if (found == states.queues.end()) return {true, std::nullopt};
    add(need, found->second.options());
  }
  if (need.now) need.within.reset();
  return need;
}

}  // namespace storage
