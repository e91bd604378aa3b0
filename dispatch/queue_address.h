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
// Everything else, $share/ included, is plain MQTT.

namespace dispatch {

struct QueueAddress {
  std::string group = std::string(kDefaultGroup);
  std::string filter;
  bool dead = false;  // the dead letters of the queue with that filter
  friend bool operator==(const QueueAddress&, const QueueAddress&) = default;
};

inline constexpr std::string_view kQueuePrefix = "$q/";

// True for "$q" and everything below "$q/": such a topic or filter never goes upstream.
bool is_queue_topic(std::string_view topic_or_filter);

// The address a queue filter names; an error with the reason if the inner filter is wrong.
// Needs is_queue_topic(filter).
Result<QueueAddress> parse_queue_address(std::string_view filter);

}  // namespace dispatch
