#pragma once

#include <memory>

#include <boost/asio/ssl/context.hpp>

#include "dispatch/result.h"
#include "proxy/config.h"

namespace proxy {

// TLS 1.2 or later towards the broker, whose certificate must be good. An error names the file that
// is missing or wrong.
dispatch::Result<std::shared_ptr<boost::asio::ssl::context>> make_upstream_tls(
    const UpstreamTls& config);

}  // namespace proxy
