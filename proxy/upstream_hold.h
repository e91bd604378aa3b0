#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "proxy/upstream.h"

// `upstream_lost = hold`: a way to the broker whose links outlast the broker, so that clients of
// queues stay connected and served while it is away.

namespace proxy {

struct HoldOptions {
  // Between two attempts to be with the broker again; doubled up to the longest, and spread over
  // half to one and a half of it, so that thousands don't come at once.
  std::chrono::milliseconds first_retry{200};
  std::chrono::milliseconds longest_retry{10'000};
};

// Links over those of `broker`. When the connection to the broker is lost or ended by its shutdown,
// the session is not told, if
// - it can do without (UpstreamEvents::can_do_without_broker()),
// - no answer of either side is outstanding, since what became of it nobody knows,
// - and it has no subscriptions at the broker, or the broker keeps them in a persistent session.
// Until the link is attached again, it answers for the broker: PINGREQ with PINGRESP, PUBLISH,
// SUBSCRIBE and UNSUBSCRIBE with 0x83 (of QoS 0: dropped); 3.1.1, which has no way to refuse a
// PUBLISH or UNSUBSCRIBE, gets on_upstream_lost(). It is attached with the session's own CONNECT,
// Will included; if the broker refuses that, or has forgotten a session with subscriptions,
// on_upstream_lost() says so. `health` follows the attempts; `held` counts the links that are
// without the broker. Core thread; `core`, `health` and `held` outlive the result.
std::unique_ptr<Upstream> make_upstream_hold(boost::asio::io_context& core,
                                             std::unique_ptr<Upstream> broker,
                                             const HoldOptions& options, UpstreamHealth& health,
                                             std::size_t& held);

}  // namespace proxy
