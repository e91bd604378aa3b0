#include "storage/coding.h"

#include <cstdint>
#include <limits>

#include "doctest/doctest.h"
#include "storage/crc32c.h"
#include "storage/key.h"

using namespace storage;

TEST_CASE("varints take one byte for seven bits and read back") {
  for (int bits = 0; bits <= 64; ++bits) {
    const std::uint64_t value = bits == 64 ? ~0ull : (1ull << bits) - 1;
    std::string out;
    put_varint(out, value);
    CHECK(out.size() == (bits == 0 ? 1 : (static_cast<std::size_t>(bits) + 6) / 7));
    Reader reader(out);
    CHECK(reader.varint() == value);
    CHECK(reader.done());
  }
}

TEST_CASE("a varint that is too long, too large, padded or cut short fails") {
  const std::string bad[] = {"", "\x80", std::string("\x80\x00", 2), std::string(10, '\xFF'),
                             std::string(9, '\xFF') + "\x02"};
  for (const auto& bytes : bad) {
    Reader reader(bytes);
    CHECK(reader.varint() == 0);
    CHECK(reader.failed());
    CHECK_FALSE(reader.done());
  }
  Reader narrow(std::string_view("\x80\x80\x80\x80\x10", 5));  // 2^32
  CHECK(narrow.varint32() == 0);
  CHECK(narrow.failed());
}

TEST_CASE("signed numbers read back") {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1},
        std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    std::string out;
    put_signed(out, value);
    CHECK(Reader(out).signed_varint() == value);
  }
}

TEST_CASE("a string longer than what is left fails, and everything after it") {
  std::string out;
  put_string(out, "abc");
  put_string(out, "de");
  Reader whole(out);
  CHECK(whole.string() == "abc");
  CHECK(whole.string() == "de");
  CHECK(whole.done());
  Reader cut(std::string_view(out).substr(0, 3));
  CHECK(cut.string().empty());
  CHECK(cut.failed());
  CHECK(cut.byte() == 0);
}

TEST_CASE("CRC-32C gives the values of RFC 3720, in one piece or several") {
  CHECK(crc32c("123456789") == 0xE3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AA);
  CHECK(crc32c(std::string(32, '\xFF')) == 0x62A8AB43);
  CHECK(extend_crc32c(crc32c("12345"), "6789") == crc32c("123456789"));
}

TEST_CASE("log keys sort as their commits do") {
  CHECK(log_key(255) < log_key(256));
  CHECK(log_key(1) < log_key(~0ull));
  CHECK(commit_of(log_key(0x0102030405060708)) == 0x0102030405060708);
  CHECK_FALSE(commit_of("short").has_value());
  CHECK(queue_of(queue_key(dispatch::QueueId{77})) == dispatch::QueueId{77});
  CHECK_FALSE(queue_of("m").has_value());
}
