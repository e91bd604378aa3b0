#include <memory>
#include <string>

#include "doctest/doctest.h"
#include "leveldb/env.h"
#include "leveldb/helpers/memenv.h"
#include "storage/message_codec.h"
#include "storage/record.h"
#include "storage/spill_block.h"
#include "storage/write_ahead_log.h"

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

MessageRef example_message() {
  auto message = std::make_shared<Message>();
  message->topic = "images/a";
  message->payload = "hi";
  message->publisher = "cam";
  message->properties.message_expiry_s = 60;
  message->stored_at = kTime - Duration(3);
  return message;
}

}  // namespace

TEST_CASE("the block of the worked example is these bytes") {
  const std::vector<Write> writes = {
      Append{QueueId{1}, Offset{7}, example_message(), "k", 16},
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

TEST_CASE("the message of the worked example, moved out of the log, is these bytes") {
  std::string message;
  storage::put_message(message, *example_message(), kTime);
  storage::SpillBlockBuilder builder;
  builder.add(Offset{7}, kTime, std::string_view(message).substr(1));  // without its length
  std::string value;
  storage::SpilledBlocks blocks;
  blocks.add(builder.finish(value, QueueId{1}));
  CHECK(to_hex(storage::spill_block_key(QueueId{1}, Offset{7})) == "62000000010000000000000007");
  CHECK(to_hex(value) ==
        "a7a7b6e301"                              // envelope: checksum, version
        "f6a1abfef96201"                          // time, number of messages
        "000012"                                  // gap, later, length
        "040508696d616765732f610363616d3c6869");  // the message
  storage::encode_spilled(value, QueueId{1}, blocks);
  CHECK(to_hex(storage::spill_index_key(QueueId{1})) == "6900000001");
  CHECK(to_hex(value) ==
        "49ca847301"    // envelope
        "0801070121");  // end, number of blocks; gap, length, size
}

TEST_CASE("the write-ahead log of the worked example is these bytes") {
  const std::unique_ptr<leveldb::Env> env(leveldb::NewMemEnv(leveldb::Env::Default()));
  const storage::LogHeader header{5, 0x0102030405060708};
  leveldb::WritableFile* file = nullptr;
  REQUIRE(env->NewWritableFile("/000005.log", &file).ok());
  REQUIRE(file->Append(header.encode()).ok());
  const auto log = storage::write_frames(std::unique_ptr<leveldb::WritableFile>(file), header.salt);
  for (const char* bytes : {"one", "two"}) {
    REQUIRE(log->Append(bytes).ok());
    REQUIRE(log->Sync().ok());
  }
  std::string content;
  REQUIRE(leveldb::ReadFileToString(env.get(), "/000005.log", &content).ok());
  CHECK(to_hex(content) ==
        "536c75696365ff77"                  // magic
        "0500000000000000"                  // number
        "0807060504030201"                  // salt
        "b47575a0"                          // crc
        "0807060504030201"                  // salt
        "00000000000000000000000000000000"  // at 0, synced 0
        "030000002ab851b86f6e65"            // length, crc, "one"
        "0807060504030201"                  // salt
        "03000000000000000300000000000000"  // at 3, synced 3
        "030000002baefaf674776f");          // length, crc, "two"
}
