#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "proxy/cli.h"
#include "proxy/server.h"

int main(int argc, char** argv) {
  try {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    return proxy::run_cli(std::move(arguments), {std::cout, std::cerr, proxy::serve});
  } catch (const std::exception& unexpected) {  // out of memory, and what a library should not do
    std::cerr << "sluice: " << unexpected.what() << "\n";
    return 1;
  }
}
