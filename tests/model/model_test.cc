#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include "tests/model/crowd.h"
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

TEST_CASE("random events of several groups, with limits and mailboxes, keep every invariant") {
  constexpr std::uint64_t kEvents = 2000;  // of one life: each has other options
  const auto events = from_environment("SLUICE_MODEL_OPS", 20'000);
  const auto first_seed = from_environment("SLUICE_SEED", std::random_device{}());
  std::printf("SLUICE_SEED=%llu SLUICE_MODEL_OPS=%llu\n",
              static_cast<unsigned long long>(first_seed), static_cast<unsigned long long>(events));
  std::fflush(stdout);
  std::uint64_t deliveries = 0, mailboxes = 0, groups = 0;
  dispatch::Ends ends{};
  for (std::uint64_t done = 0; done < events; done += kEvents) {
    const auto seed = first_seed + done / kEvents;
    std::uint64_t event = 0;
    try {
      model::Crowd crowd(seed);
      for (; event < kEvents; ++event) crowd.event();
      crowd.settle_down();
      deliveries += crowd.deliveries();
      mailboxes += crowd.mailboxes_gone();
      groups += crowd.groups_expired();
      for (std::size_t end = 0; end < dispatch::kEnds; ++end)
        ends[end] += crowd.ends(static_cast<dispatch::End>(end));
    } catch (const model::BrokenInvariant& broken) {
      FAIL("invariant broken: ", std::string(broken.what()), "; event ", event,
           "; SLUICE_SEED=", seed, " SLUICE_MODEL_OPS=", kEvents);
    }
  }
  CHECK(deliveries > events / 20);
  if (events < 100'000) return;
  // Otherwise it has stopped testing something.
  CHECK(mailboxes > events / 5000);
  CHECK(groups > events / 10000);
  using dispatch::End;
  for (const End end : {End::acked, End::dead, End::purged, End::expired, End::retired,
                        End::dropped, End::unneeded}) {
    CAPTURE(dispatch::end_name(end));
    CHECK(ends[dispatch::index_of(end)] > 0);
  }
}

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
