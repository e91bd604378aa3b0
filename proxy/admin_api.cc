#include "proxy/admin_api.h"

namespace proxy {

admin::Health AdminApi::health() {
  admin::Health health;
  health.ok = queues_.failure().empty();
  if (!health.ok) health.journal = queues_.failure();
  switch (upstream_) {
    case UpstreamHealth::unknown:
      health.upstream = "unknown";
      break;
    case UpstreamHealth::reachable:
      health.upstream = "reachable";
      break;
    case UpstreamHealth::unreachable:
      health.upstream = "unreachable";
      break;
  }
  return health;
}

}  // namespace proxy
