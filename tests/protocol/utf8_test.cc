#include "proxy/protocol/utf8.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/protocol/bytes.h"

namespace protocol::test {
namespace {

TEST_CASE("well-formed text") {
  for (const char* notation : {
           "'topic'",
           "01",
           "7F",  // U+0001, U+007F
           "C280",
           "DFBF",  // U+0080, U+07FF
           "E0A080",
           "ED9FBF",
           "EE8080",  // U+0800, U+D7FF, U+E000
           "EFBBBF 'a'",
           "EFBFBF",  // a byte order mark is text; U+FFFF
           "F0908080",
           "F48FBFBF",  // U+10000, U+10FFFF
           "'12345678' C3A9 '1234567'",
       }) {
    CAPTURE(notation);
    CHECK(valid_utf8(bytes(notation)));
  }
  CHECK(valid_utf8(""));
}

TEST_CASE("what is not text") {
  for (const char* notation : {
           "00",       "'a' 00 'b'", "'1234567' 00",                  // U+0000
           "C080",     "C1BF",       "E09FBF",       "F08FBFBF",      // overlong
           "EDA080",   "EDBFBF",                                      // U+D800, U+DFFF
           "F4908080", "F5808080",   "FF",                            // above U+10FFFF
           "80",       "BF",         "'1234567' 80",                  // starts in the middle
           "C3",       "E282",       "F09F98",       "'1234567' C3",  // ends in the middle
           "C328",     "E228A1",     "E28228",       "F0288CBC",      // another character within
       }) {
    CAPTURE(notation);
    CHECK_FALSE(valid_utf8(bytes(notation)));
  }
}

TEST_CASE("one bad byte is found at any place") {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      REQUIRE(valid_utf8(text));
      for (const char bad : {'\0', '\x80', '\xFF'}) {
        text[at] = bad;
        REQUIRE_FALSE(valid_utf8(text));
      }
    }
  }
}

}  // namespace
}  // namespace protocol::test
