#include "dispatch/queue_address.h"

#include <algorithm>
#include <utility>

#include "dispatch/invariant.h"
#include "dispatch/queue_options.h"
#include "dispatch/topic.h"

namespace dispatch {

namespace {

constexpr std::string_view kEmqxPrefix = "$queue/";
constexpr std::string_view kDeadLevel = "$dead";
constexpr std::string_view kGroupLevel = "$group";
constexpr std::string_view kSettleLevel = "$settle";

bool below(std::string_view filter, std::string_view level) {
  return filter == level || (filter.starts_with(level) && filter.substr(level.size())[0] == '/');
}

// Takes "$group/<group>/" off the front, if it is there.
Result<std::string> take_group(std::string_view& inner) {
  if (!below(inner, kGroupLevel)) return std::string(kDefaultGroup);
  inner.remove_prefix(std::min(inner.size(), kGroupLevel.size() + 1));
  const auto slash = inner.find('/');
  if (slash == inner.npos)
    return invalid("'$q/$group/...' takes a group and a filter: $q/$group/<group>/<filter>");
  std::string group(inner.substr(0, slash));
  inner.remove_prefix(slash + 1);
  if (auto checked = check_name("group", group); !checked) return checked.error();
  return group;
}

Result<QueueAddress> parse_emqx_address(std::string_view filter) {
  if (filter.size() <= kEmqxPrefix.size())
    return invalid("'" + std::string(filter) + "' names no queue: it takes $queue/<name>");
  const auto inner = filter.substr(kEmqxPrefix.size());
  const auto slash = inner.find('/');
  QueueAddress address;
  address.name = inner.substr(0, slash);
  if (auto checked = check_name("queue", address.name); !checked) return checked.error();
  if (slash == inner.npos) return address;
  address.filter = inner.substr(slash + 1);
  if (auto checked = check_topic_filter(address.filter); !checked) return checked.error();
  return address;
}

}  // namespace

bool is_queue_topic(std::string_view topic_or_filter) { return below(topic_or_filter, "$q"); }

bool is_emqx_queue_topic(std::string_view topic_or_filter) {
  return below(topic_or_filter, "$queue");
}

Result<QueueAddress> parse_queue_address(std::string_view filter) {
  if (is_emqx_queue_topic(filter)) return parse_emqx_address(filter);
  INVARIANT(is_queue_topic(filter), "asked for the queue of a plain filter");
  if (filter.size() <= kQueuePrefix.size())
    return invalid("'" + std::string(filter) + "' names no queue: it takes $q/<filter>");
  auto inner = filter.substr(kQueuePrefix.size());
  if (below(inner, kSettleLevel)) return invalid("$q/$settle/ can only be published to");
  auto group = take_group(inner);
  if (!group) return group.error();
  const bool dead = below(inner, kDeadLevel);
  if (dead) inner.remove_prefix(std::min(inner.size(), kDeadLevel.size() + 1));
  if (below(inner, kDeadLevel)) return invalid("dead letters have no dead letters of their own");
  if (auto checked = check_topic_filter(inner); !checked) return checked.error();
  QueueAddress address;
  address.group = std::move(*group);
  address.filter = inner;
  address.dead = dead;
  return address;
}

}  // namespace dispatch
