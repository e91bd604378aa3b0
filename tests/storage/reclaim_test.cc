#include "storage/reclaim.h"

#include "doctest/doctest.h"

using storage::LogMap;

TEST_CASE("the log map knows positions to a megabyte, in little memory") {
  LogMap map;
  constexpr std::uint64_t kCommit = 10'000;
  for (std::uint64_t i = 0; i < 100'000; ++i) map.note(i + 1, i * kCommit);
  for (std::uint64_t commit = 1; commit <= 100'000; commit += 997) {
    const auto exact = static_cast<std::int64_t>((commit - 1) * kCommit);
    const auto known = static_cast<std::int64_t>(map.position_of(commit));
    CHECK(std::abs(known - exact) <= 1 << 20);
  }
  CHECK(map.position_of(100'000) == 99'999 * kCommit);
  for (std::uint64_t position = 0; position < 999'990'000; position += 7'654'321) {
    const auto known = static_cast<std::int64_t>(map.position_of(map.commit_at(position)));
    CHECK(std::abs(known - static_cast<std::int64_t>(position)) <= 20'000);
  }
  CHECK(map.commit_at(0) == 1);
  CHECK(map.commit_at(999'990'000) == 100'000);
  CHECK(map.commit_at(999'990'001) == 100'001);
  map.forget_below(50'000);
  CHECK(map.position_of(100'000) == 99'999 * kCommit);
  CHECK(map.position_of(1) <= 50'000 * kCommit);
}

TEST_CASE("an empty log map knows nothing") {
  CHECK(LogMap().position_of(5) == 0);
  CHECK(LogMap().commit_at(5) == 0);
}
