#pragma once

#include <string>

#include <CLI/App.hpp>

namespace proxy {

// A script for bash that completes the commands of `app` and their flags.
std::string bash_completion(const CLI::App& app);

}  // namespace proxy
