#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include "dispatch/result.h"
#include "proxy/endpoint.h"

// Listening sockets of either kind under one type.

namespace admin {

using Protocol = boost::asio::generic::stream_protocol;
using Acceptor =
    boost::asio::basic_socket_acceptor<Protocol, boost::asio::io_context::executor_type>;

// Listens on TCP or on a unix socket file of mode 0600; a file that nobody answers on is replaced.
// Names are resolved here, blocking. `endpoint` gets the port that was found for port 0.
dispatch::Result<Acceptor> listen(boost::asio::io_context& core, proxy::Endpoint& endpoint);

}  // namespace admin
