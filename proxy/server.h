#pragma once

#include "proxy/config.h"

namespace proxy {

// `sluice serve`: opens the journal, makes the declared queues, listens, prints
// `ready mqtt=HOST:PORT admin=HOST:PORT` on stdout, and serves until SIGTERM or SIGINT. Returns the
// exit code: 0 after an orderly end; 1 when the world refused (port in use, data directory), 2 when
// the configuration is wrong; the reason is one line on stderr.
int serve(const ServeConfig& config);

}  // namespace proxy
