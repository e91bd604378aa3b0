#include "dispatch/queue_address.h"

#include <algorithm>

#include "dispatch/invariant.h"
#include "dispatch/topic.h"

namespace dispatch {

namespace {

constexpr std::string_view kDeadLevel = "$dead";

bool below(std::string_view filter, std::string_view level) {
  return filter == level || (filter.starts_with(level) && filter.substr(level.size())[0] == '/');
}

Result<void> check_built(std::string_view inner) {
  if (below(inner, "$group")) return invalid("consumer groups ($q/$group/) are not built yet");
  if (below(inner, "$settle")) return invalid("$q/$settle/ can only be published to");
  return {};
}

}  // namespace

bool is_queue_topic(std::string_view topic_or_filter) { return below(topic_or_filter, "$q"); }

Result<QueueAddress> parse_queue_address(std::string_view filter) {
  INVARIANT(is_queue_topic(filter), "asked for the queue of a plain filter");
  if (filter.size() <= kQueuePrefix.size())
    return invalid("'" + std::string(filter) + "' names no queue: it takes $q/<filter>");
  auto inner = filter.substr(kQueuePrefix.size());
  const bool dead = below(inner, kDeadLevel);
  if (dead) inner.remove_prefix(std::min(inner.size(), kDeadLevel.size() + 1));
  if (below(inner, kDeadLevel)) return invalid("dead letters have no dead letters of their own");
  if (auto built = check_built(inner); !built) return built.error();
  if (auto checked = check_topic_filter(inner); !checked) return checked.error();
  QueueAddress address;
  address.filter = inner;
  address.dead = dead;
  return address;
}

}  // namespace dispatch
