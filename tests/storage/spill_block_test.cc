#include "storage/spill_block.h"

#include "doctest/doctest.h"
#include "storage/message_codec.h"
#include "tests/support/storage_samples.h"

using namespace dispatch;
using namespace storage_samples;
using storage::SpillBlockBuilder;
using storage::SpillBlockReader;
using storage::SpilledBlock;
using storage::SpilledBlocks;

namespace {

Time at(std::int64_t milliseconds) { return Time(Duration(milliseconds)); }

// As it lies in a block of the log that was written then.
std::string encoded(const Message& message, Time time) {
  std::string out;
  storage::put_message(out, message, time);
  storage::Reader reader(out);
  return std::string(reader.string());
}

// Offsets 7, 9 and 4000 of queue 3; the clock went back once.
std::string three_messages(SpilledBlock* block = nullptr) {
  SpillBlockBuilder builder;
  builder.add(Offset{7}, at(1000), encoded(*rich_message(7), at(1000)));
  builder.add(Offset{9}, at(900), encoded(*rich_message(9), at(900)));
  builder.add(Offset{4000}, at(1'700'000'000'000),
              encoded(*rich_message(4), at(1'700'000'000'000)));
  std::string value;
  const auto built = builder.finish(value, QueueId{3});
  CHECK(builder.empty());
  if (block != nullptr) *block = built;
  return value;
}

QueueState with_gone(std::uint64_t next,
                     std::vector<std::pair<std::uint64_t, std::uint64_t>> gone) {
  QueueState queue;
  queue.next = Offset{next};
  for (const auto& [first, last] : gone) queue.gone.add(Offset{first}, Offset{last});
  return queue;
}

}  // namespace

TEST_CASE("a block gives back the messages that were put in, with their offsets") {
  SpilledBlock block;
  const auto value = three_messages(&block);
  CHECK(block == SpilledBlock{Offset{7}, 3994, static_cast<std::uint32_t>(value.size())});
  auto reader = SpillBlockReader::open(QueueId{3}, Offset{7}, value);
  REQUIRE(reader.has_value());
  const std::pair<std::uint64_t, std::uint64_t> expected[] = {{7, 7}, {9, 9}, {4000, 4}};
  for (const auto& [offset, seed] : expected) {
    const auto spilled = reader->next();
    REQUIRE(spilled.has_value());
    CHECK(spilled->offset == Offset{offset});
    const auto message = storage::decode_message(spilled->message, spilled->time);
    REQUIRE(message.has_value());
    CHECK(**message == *rich_message(seed));
  }
  CHECK(reader->left() == 0);
}

TEST_CASE("damage of any byte of a block is noticed, and a block under another key") {
  const auto value = three_messages();
  for (std::size_t byte = 0; byte < value.size(); ++byte) {
    auto damaged = value;
    damaged[byte] = static_cast<char>(damaged[byte] ^ 0x10);
    REQUIRE_FALSE(SpillBlockReader::open(QueueId{3}, Offset{7}, damaged).has_value());
  }
  CHECK_FALSE(SpillBlockReader::open(QueueId{4}, Offset{7}, value).has_value());
  CHECK_FALSE(SpillBlockReader::open(QueueId{3}, Offset{8}, value).has_value());
}

TEST_CASE("a block that is not one of ours is refused, although its checksum is right") {
  const auto sealed = [](const std::string& body) {
    std::string value;
    storage::begin_envelope(value);
    value += body;
    storage::seal_envelope(value, storage::spill_block_key(QueueId{3}, Offset{7}));
    return value;
  };
  const auto read = [&](const std::string& body) {
    const auto value = sealed(body);
    auto reader = SpillBlockReader::open(QueueId{3}, Offset{7}, value);
    while (reader && reader->left() > 0)
      if (const auto next = reader->next(); !next) return next.error().text;
    return reader ? std::string("whole") : reader.error().text;
  };
  CHECK(read(std::string("\0\x01\0\0\x01x", 6)) == "whole");
  CHECK(read(std::string("\0\x01\0\0\x02x", 6)).find("block 7 of queue 3 is damaged") == 0);
  CHECK(read(std::string("\0\x01\0\0\x01xy", 7)).find("does not end") != std::string::npos);
  CHECK(read(std::string("\0\x02\0\0\x01x", 6)).find("does not end") != std::string::npos);
  CHECK(read(std::string("\0\0x", 3)).find("head is wrong") != std::string::npos);
}

TEST_CASE("an index reads back as it was, and its damage is noticed") {
  SpilledBlocks blocks;
  blocks.add({Offset{5}, 10, 1000});
  blocks.add({Offset{15}, 1, 30});
  blocks.add({Offset{1'000'000}, 7, ~0u});
  std::string value;
  storage::encode_spilled(value, QueueId{3}, blocks);
  const auto back = storage::decode_spilled(QueueId{3}, value);
  REQUIRE(back.has_value());
  CHECK(std::ranges::equal(back->all(), blocks.all()));
  CHECK(back->end() == Offset{1'000'007});
  for (std::size_t byte = 0; byte < value.size(); ++byte) {
    auto damaged = value;
    damaged[byte] = static_cast<char>(damaged[byte] ^ 0x10);
    REQUIRE_FALSE(storage::decode_spilled(QueueId{3}, damaged).has_value());
  }
  CHECK_FALSE(storage::decode_spilled(QueueId{4}, value).has_value());
}

TEST_CASE("an index without blocks still knows where the log begins") {
  SpilledBlocks blocks;
  blocks.add({Offset{5}, 10, 1000});
  CHECK(blocks.take_any(9).size() == 1);
  std::string value;
  storage::encode_spilled(value, QueueId{3}, blocks);
  const auto back = storage::decode_spilled(QueueId{3}, value);
  REQUIRE(back.has_value());
  CHECK(back->all().empty());
  CHECK(back->end() == Offset{15});
}

TEST_CASE("blocks are taken out when nothing in them is kept, in front and in the middle") {
  SpilledBlocks blocks;
  for (std::uint64_t first = 1; first <= 41; first += 10) blocks.add({Offset{first}, 10, 100});
  CHECK(blocks.from(Offset{10}).front().first == Offset{1});
  CHECK(blocks.from(Offset{11}).front().first == Offset{11});
  CHECK(blocks.from(Offset{51}).empty());
  const auto queue = with_gone(60, {{1, 20}, {31, 39}, {41, 55}});
  CHECK(blocks.bytes_gone_in_front(queue) == 200);
  const auto first_two = blocks.take_gone(queue, 2);
  REQUIRE(first_two.size() == 2);
  CHECK(first_two[1].first == Offset{11});
  const auto rest = blocks.take_gone(queue, 9);
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].first == Offset{41});
  CHECK(blocks.all().size() == 2);
  CHECK(blocks.end() == Offset{51});
}
