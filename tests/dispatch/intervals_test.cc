#include "dispatch/intervals.h"

#include <random>
#include <set>

#include <doctest/doctest.h>

using namespace dispatch;

TEST_CASE("the watermark moves over what has become whole") {
  OffsetSet set;
  CHECK(set.watermark() == Offset{1});
  CHECK(set.add({3}, {4}) == 2);
  CHECK(set.add({6}, {6}) == 1);
  CHECK(set.intervals() == std::map<Offset, Offset>{{{3}, {4}}, {{6}, {6}}});
  CHECK(set.add({5}, {5}) == 1);
  CHECK(set.intervals() == std::map<Offset, Offset>{{{3}, {6}}});
  CHECK(set.next_missing({3}) == Offset{7});
  CHECK(set.missing_below({8}) == 3);
  CHECK(set.add({1}, {2}) == 2);
  CHECK(set.watermark() == Offset{7});
  CHECK(set.intervals().empty());
  CHECK(set.add({1}, {6}) == 0);
}

TEST_CASE("a set may start later: everything before its start is in it") {
  const OffsetSet set(Offset{10});
  CHECK(set.contains({9}));
  CHECK_FALSE(set.contains({10}));
  CHECK(set.missing_below({10}) == 0);
  CHECK(set.missing_below({12}) == 2);
}

TEST_CASE("random additions give what a plain set gives") {
  std::mt19937_64 random(7);
  for (int life = 0; life < 50; ++life) {
    OffsetSet set;
    std::set<std::uint64_t> plain;
    for (int step = 0; step < 60; ++step) {
      const Offset first{1 + random() % 100}, last{first.value + random() % 8};
      std::uint64_t added = 0;
      for (auto o = first.value; o <= last.value; ++o) added += plain.insert(o).second;
      REQUIRE(set.add(first, last) == added);
      const Offset at{1 + random() % 110};
      REQUIRE(set.contains(at) == plain.contains(at.value));
      auto missing = at.value;
      while (plain.contains(missing)) ++missing;
      REQUIRE(set.next_missing(at) == Offset{missing});
      std::uint64_t below = 0;
      for (std::uint64_t o = 1; o < at.value; ++o) below += !plain.contains(o);
      REQUIRE(set.missing_below(at) == below);
    }
  }
}
