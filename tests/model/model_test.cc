#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include "tests/model/simulation.h"

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Many short lives find more than one long one: each starts small and from another seed.
constexpr std::uint64_t kEventsOfOneLife = 20'000;

void live(std::uint64_t seed, std::uint64_t events, std::uint64_t& deliveries,
          std::uint64_t& restarts) {
  std::uint64_t event = 0;
  try {
    model::Simulation simulation(seed);
    for (; event < events; ++event) simulation.event();
    simulation.settle_down();
    deliveries += simulation.deliveries();
    restarts += simulation.restarts();
  } catch (const model::BrokenInvariant& broken) {
    FAIL("invariant broken: ", std::string(broken.what()), "; event ", event,
         "; SLUICE_SEED=", seed);
  }
}

}  // namespace

TEST_CASE("random events keep every invariant") {
  const auto events = from_environment("SLUICE_MODEL_OPS", 100'000);
  const auto first_seed = from_environment("SLUICE_SEED", std::random_device{}());
  std::printf("SLUICE_SEED=%llu SLUICE_MODEL_OPS=%llu\n",
              static_cast<unsigned long long>(first_seed), static_cast<unsigned long long>(events));
  std::fflush(stdout);  // an INVARIANT of the core would abort before anything else is printed
  std::uint64_t deliveries = 0, restarts = 0;
  for (std::uint64_t done = 0; done < events; done += kEventsOfOneLife)
    live(first_seed + done / kEventsOfOneLife, std::min(kEventsOfOneLife, events - done),
         deliveries, restarts);
  std::printf("%llu deliveries, %llu restarts\n", static_cast<unsigned long long>(deliveries),
              static_cast<unsigned long long>(restarts));
  CHECK(deliveries > events / 20);  // otherwise the model has stopped testing anything
}
