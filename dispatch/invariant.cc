#include "dispatch/invariant.h"

#include <cstdio>
#include <cstdlib>

namespace dispatch {

void invariant_failed(const char* file, int line, const char* condition,
                      const char* text) noexcept {
  std::fprintf(stderr, "%s:%d: invariant broken: %s (%s)\n", file, line, text, condition);
  std::abort();
}

}  // namespace dispatch
