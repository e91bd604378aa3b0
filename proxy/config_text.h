#pragma once

#include <string>

#include "proxy/config.h"

namespace proxy {

// A configuration as TOML, every key with its value, defaults included. Reading it gives the same
// configuration again.
std::string config_text(const ServeConfig& config);

}  // namespace proxy
