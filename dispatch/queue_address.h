#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dispatch/ids.h"
#include "dispatch/result.h"

// What a topic filter in SUBSCRIBE means to Sluice (docs/queues.md section 1):
//   $q/<filter>                   the queue with that filter, group "default"
//   $q/$group/<group>/<filter>    another group
//   $q/$dead/<filter>             its dead letters, a queue of their own
//   $q/$group/<group>/$dead/<filter>
// and, where the shell asks for them, the spellings of EMQX 6:
//   $queue/<name>                 the queue of that name
//   $queue/<name>/<filter>        the same, if its filter is that one
// Everything else, $share/ included, is plain MQTT.

namespace dispatch {

struct QueueAddress {
  std::string group = std::string(kDefaultGroup);
  std::string filter;
  bool dead = false;  // the dead letters of the queue with that filter
  // Of `$queue/`: the shell looks up what filter goes with it; `filter` is empty if none was given.
  std::string name;
  friend bool operator==(const QueueAddress&, const QueueAddress&) = default;
};

inline constexpr std::string_view kQueuePrefix = "$q/";

// True for "$q" and everything below "$q/": such a topic or filter never goes upstream.
bool is_queue_topic(std::string_view topic_or_filter);

// True for "$queue" and everything below it, which means a queue only to those who ask for it.
bool is_emqx_queue_topic(std::string_view topic_or_filter);

// The address a queue filter names; an error with the reason if the inner filter is wrong.
// Needs is_queue_topic(filter) or is_emqx_queue_topic(filter).
Result<QueueAddress> parse_queue_address(std::string_view filter);

}  // namespace dispatch
