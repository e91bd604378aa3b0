#include "proxy/rate_book.h"

#include <doctest/doctest.h>

#include <chrono>

using proxy::RateBook;
using std::chrono::seconds;

namespace {

dispatch::Time at(int second) { return dispatch::Time(seconds(1000 + second)); }

}  // namespace

TEST_CASE("rates are those between the last two notes") {
  RateBook book;
  CHECK_FALSE(book.of("q"));
  book.note("q", {100, 10}, at(0));
  CHECK_FALSE(book.of("q"));
  book.note("q", {110, 30}, at(5));
  REQUIRE(book.of("q"));
  CHECK(book.of("q")->in == doctest::Approx(2));
  CHECK(book.of("q")->out == doctest::Approx(4));
  book.note("q", {110, 30}, at(10));
  CHECK(book.of("q")->in == doctest::Approx(0));
  CHECK(book.of("q")->out == doctest::Approx(0));
  CHECK_FALSE(book.of("other"));
}

TEST_CASE("a second note at the same time changes nothing") {
  RateBook book;
  book.note("q", {0, 0}, at(0));
  book.note("q", {5, 5}, at(0));
  CHECK_FALSE(book.of("q"));
  book.note("q", {10, 2}, at(1));
  CHECK(book.of("q")->in == doctest::Approx(10));
  CHECK(book.of("q")->out == doctest::Approx(2));
}

TEST_CASE("totals that shrink are another queue's") {
  RateBook book;
  book.note("q", {100, 100}, at(0));
  book.note("q", {150, 120}, at(5));
  SUBCASE("stored") { book.note("q", {3, 120}, at(10)); }
  SUBCASE("acked") { book.note("q", {150, 1}, at(10)); }
  CHECK_FALSE(book.of("q"));
  book.note("q", {200, 200}, at(15));
  CHECK(book.of("q"));
}

TEST_CASE("queues that are not noted any more are forgotten") {
  RateBook book;
  book.note("gone", {1, 1}, at(0));
  book.note("stays", {1, 1}, at(0));
  book.note("stays", {2, 2}, at(5));
  book.forget_before(at(5));
  CHECK(book.size() == 1);
  CHECK(book.of("stays"));
  CHECK_FALSE(book.of("gone"));
}
