#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "proxy/config.h"

// The command line of `sluice`: arguments to one command, and the exit code it ends with. 0: done;
// 1: the operation failed; 2: bad arguments or configuration. Every failure is one line on `err`
// that names the thing and the mend.

namespace proxy {

struct CliContext {
  std::ostream& out;
  std::ostream& err;
  std::function<int(const ServeConfig&)> serve;  // proxy::serve, or what a test puts in its place
};

// `arguments` without the program's name. Looks at SLUICE_ADMIN in the environment.
int run_cli(std::vector<std::string> arguments, const CliContext& context);

}  // namespace proxy
