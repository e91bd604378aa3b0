#include <string>

#include "doctest/doctest.h"
#include "storage/message_codec.h"
#include "storage/record.h"

// Holds the worked example of docs/journal_format.md: if this fails, either the format has changed
// by mistake, or format version and document must change with it.

using namespace dispatch;

namespace {

constexpr Time kTime{Duration(1'700'000'000'123)};

std::string to_hex(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char byte : bytes) {
    hex += kDigits[(byte >> 4) & 0xF];
    hex += kDigits[byte & 0xF];
  }
  return hex;
}

}  // namespace

TEST_CASE("the block of the worked example is these bytes") {
  auto message = std::make_shared<Message>();
  message->topic = "images/a";
  message->payload = "hi";
  message->publisher = "cam";
  message->properties.message_expiry_s = 60;
  message->stored_at = kTime - Duration(3);
  const std::vector<Write> writes = {
      Append{QueueId{1}, Offset{7}, message, "k", 16},
      Settle{QueueId{1}, dispatch::GroupId{1}, Offset{5}, Offset{6}, End::acked, 32}};
  std::string block;
  storage::encode_block(block, 2, kTime, writes);
  CHECK(to_hex(block) ==
        "1246e1a501"                            // envelope: checksum, version
        "f6a1abfef96202"                        // time, number of records
        "01010710016b12"                        // append: queue, offset, size, key, message length
        "040508696d616765732f610363616d3c6869"  // the message
        "02010105010020");                      // settle: queue, group, first, length, end, size
}
