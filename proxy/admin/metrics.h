#pragma once

#include <cstddef>
#include <string>

#include "proxy/admin/api.h"

namespace admin {

// So many queues have series of their own in /metrics, the first by name, so that neither the core
// thread nor Prometheus drowns in them; likewise groups, whose names clients choose.
// sluice_series_truncated tells that there are more.
inline constexpr std::size_t kQueuesInMetrics = 1000;
inline constexpr std::size_t kGroupsInMetrics = 2000;

// Everything worth watching, as Prometheus reads it (text format 0.0.4). docs/operations.md names
// each metric.
std::string metrics_text(Api& api);

}  // namespace admin
