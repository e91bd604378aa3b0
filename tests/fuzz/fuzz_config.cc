#include <set>
#include <string>

#include "proxy/config.h"
#include "tests/fuzz/fuzz_target.h"

// A config file of any bytes is read, or refused in one line that begins with its name. What is
// read holds together: queues that the core takes, no two with one name or filter, and addresses
// that survive being written and read again.

namespace proxy {
namespace {

void check_endpoint(const Endpoint& endpoint) {
  const auto again = parse_endpoint(to_text(endpoint));
  FUZZ_REQUIRE(again.has_value());
  FUZZ_REQUIRE(*again == endpoint);
}

void check_queues(const ServeConfig& config) {
  std::set<std::string> names, filters;
  for (const dispatch::QueueOptions& queue : config.queues) {
    FUZZ_REQUIRE(dispatch::check_options(queue).has_value());
    FUZZ_REQUIRE(names.insert(queue.name).second);
    FUZZ_REQUIRE(filters.insert(queue.filter).second);
  }
}

void run(std::string_view text) {
  ServeConfig config;
  const auto read = parse_config(text, "f.toml", config);
  if (!read) {
    FUZZ_REQUIRE(read.error().text.starts_with("f.toml:"));
    FUZZ_REQUIRE(read.error().text.find('\n') == std::string::npos);
    return;
  }
  check_endpoint(config.listen);
  check_endpoint(config.upstream);
  check_endpoint(config.admin);
  check_queues(config);
}

}  // namespace
}  // namespace proxy

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  proxy::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
