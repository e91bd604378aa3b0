#pragma once

#include <memory>
#include <string>

#include <spdlog/spdlog.h>

namespace proxy {

// The one logger: lines on stderr, stdout is for the `ready` line. Control characters of a message
// come out as \xNN, whoever sent them. Never on a per-message path above level trace.
spdlog::logger& log();

// "trace debug info warn error off"; the level must be one of them.
void set_log_level(const std::string& level);

}  // namespace proxy
