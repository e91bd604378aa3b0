#include "storage/disk_reserve.h"

#include "doctest/doctest.h"

using storage::DiskReserve;

TEST_CASE("the disk is low below the reserve, and until an eighth more is free") {
  std::uint64_t free = 1000;
  DiskReserve reserve(800, [&] { return free; });
  CHECK_FALSE(reserve.room().low);
  const auto low_with = [&](std::uint64_t bytes) {
    free = bytes;
    return reserve.look().low;
  };
  CHECK_FALSE(low_with(801));
  CHECK_FALSE(low_with(800));
  CHECK(low_with(799));
  CHECK(reserve.room().low);
  CHECK(reserve.room().free_bytes == 799);
  CHECK(low_with(800));
  CHECK(low_with(899));
  CHECK_FALSE(low_with(900));
  CHECK_FALSE(low_with(800));
}

TEST_CASE("without a reserve nobody asks") {
  DiskReserve none(0, []() -> std::uint64_t {
    FAIL("asked");
    return 0;
  });
  CHECK_FALSE(none.look().low);
}

TEST_CASE("a real file system has room, one that can't be asked has, too") {
  CHECK(storage::free_bytes_of("/")() > 0);
  CHECK(storage::free_bytes_of("/nonexistent/directory")() == UINT64_MAX);
}
