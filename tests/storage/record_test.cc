#include "storage/record.h"

#include "doctest/doctest.h"
#include "storage/message_codec.h"
#include "tests/support/storage_samples.h"

using namespace dispatch;
using namespace storage_samples;
using storage::Messages;

namespace {

constexpr Time kTime{Duration(1'700'000'000'123)};

std::string encode(storage::CommitNumber commit, const std::vector<Write>& all) {
  std::string block;
  storage::encode_block(block, commit, kTime, all);
  return block;
}

std::vector<Write> one_of_each(std::uint64_t seed) {
  return {define(3, "images", "images/+"),
          DefineGroup{QueueId{3}, GroupId{9}, "thumbnails", Offset{~0ull}},
          DeleteGroup{QueueId{3}, GroupId{~0u}},
          append(3, seed, rich_message(seed), "key"),
          append(70000, ~0ull, rich_message(seed + 1)),
          Settle{QueueId{3}, GroupId{1}, Offset{5}, Offset{~0ull}, End::superseded, ~0ull},
          attempt(3, 1ull << 40, ~0u),
          drop(~0u),
          define_mailbox(~0u, 3, "images/a"),
          DefineMailbox{QueueId{1ull << 40}, QueueId{3}, std::string(65535, 't')},
          AddTotals{QueueId{3}, ~0ull, {1, 2, 3, 4, 5, 6, 7, 8, 9, ~0ull}}};
}

}  // namespace

TEST_CASE("every kind of write reads back as it was") {
  for (std::uint64_t seed = 1; seed < 300; ++seed) {
    const auto all = one_of_each(seed);
    const auto back = storage::decode_block(seed, encode(seed, all), Messages::with);
    if (!back) FAIL(back.error().text);
    REQUIRE(back->size() == all.size());
    Step before{all, {}}, after{*back, {}};
    CHECK(to_text(before) == to_text(after));
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto* sent = std::get_if<Append>(&all[i]);
      if (sent == nullptr) continue;
      const auto& got = std::get<Append>((*back)[i]);
      CHECK(*got.message == *sent->message);
      CHECK(got.key == sent->key);
      CHECK(got.bytes == sent->bytes);
    }
    CHECK(std::get<Settle>((*back)[5]).end == End::superseded);
    CHECK(std::get<Attempt>((*back)[6]).failed == ~0u);
    CHECK(encode(seed, *back) == encode(seed, all));
  }
}

TEST_CASE("queue options of every kind read back") {
  QueueOptions options;
  options.name = "lights";
  options.filter = "lights/#";
  options.mode = Mode::copy;
  options.dispatch = Strategy::random;
  options.last_value = true;
  options.key = {"topic:1", "property:command_type"};
  options.max_inflight = 65535;
  const auto block = encode(1, {DefineQueue{QueueId{1}, options}});
  const auto back = storage::decode_block(1, block, Messages::with);
  if (!back) FAIL(back.error().text);
  CHECK(std::get<DefineQueue>(back->at(0)).options == options);
}

TEST_CASE("without messages, a block gives the same writes but for the messages") {
  const auto back = storage::decode_block(1, encode(1, one_of_each(1)), Messages::without);
  REQUIRE(back.has_value());
  CHECK(back->size() == one_of_each(5).size());
  CHECK(std::get<Append>(back->at(3)).message == nullptr);
  CHECK(std::get<Append>(back->at(3)).key == "key");
}

TEST_CASE("damage of a bit of any byte of a block is noticed") {
  const auto block = encode(7, one_of_each(2));
  for (std::size_t at = 0; at < block.size(); ++at) {
    auto damaged = block;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    const auto back = storage::decode_block(7, damaged, Messages::with);
    REQUIRE_FALSE(back.has_value());
    REQUIRE(back.error().text.find("commit 7 is damaged") != std::string::npos);
  }
}

TEST_CASE("a block cut short, made longer or put under another commit is noticed") {
  const auto block = encode(7, one_of_each(2));
  for (std::size_t size = 0; size < block.size(); ++size)
    REQUIRE_FALSE(storage::decode_block(7, block.substr(0, size), Messages::with).has_value());
  CHECK_FALSE(storage::decode_block(7, block + '\0', Messages::with).has_value());
  CHECK_FALSE(storage::decode_block(8, block, Messages::with).has_value());
}

TEST_CASE("a block whose checksum is right but whose records are not is refused") {
  const auto refused = [](std::string body) {
    std::string block;
    storage::begin_envelope(block);
    block += body;
    storage::seal_envelope(block, storage::log_key(1));
    return !storage::decode_block(1, block, Messages::with).has_value();
  };
  using namespace std::string_literals;
  CHECK_FALSE(refused("\0\0"s));                  // time 0, no records
  CHECK(refused("\0\0\5\1"s));                    // none promised, one there
  CHECK(refused("\0\1"s));                        // one promised, none there
  CHECK(refused("\0\1\11\1"s));                   // unknown type
  CHECK_FALSE(refused("\0\1\5\1"s));              // delete queue 1
  CHECK(refused("\0\1\5\1\1"s));                  // and a byte too many
  CHECK(refused("\0\1\1\1\1\0\0\4\x80\0\0\0"s));  // message with an unknown part
  CHECK_FALSE(refused("\0\1\1\1\1\0\0\4\0\0\0\0"s));
  CHECK(refused("\0\1\1\1\1\0\0\3\0\0\5"s));      // topic longer than the message
  CHECK(refused("\0\1\1\1\1\0\0\5\1\0\0\0\0"s));  // user name said to be there, but empty
}

TEST_CASE("a format version of the future is refused and named") {
  std::string block;
  storage::begin_envelope(block);
  block.back() = 2;
  storage::seal_envelope(block, storage::log_key(1));
  const auto back = storage::decode_block(1, block, Messages::with);
  REQUIRE_FALSE(back.has_value());
  CHECK(back.error().text.find("format version 2") != std::string::npos);
}

TEST_CASE("a queue option of the future is refused and named") {
  std::string block;
  storage::begin_envelope(block);
  storage::put_signed(block, 0);
  storage::put_varint(block, 1);
  block += '\4';
  storage::put_varint(block, 1);
  storage::put_varint(block, 1);
  storage::put_string(block, "colour");
  storage::put_string(block, "green");
  storage::seal_envelope(block, storage::log_key(1));
  const auto back = storage::decode_block(1, block, Messages::with);
  REQUIRE_FALSE(back.has_value());
  CHECK(back.error().text.find("colour") != std::string::npos);
}

TEST_CASE("a settlement costs a few bytes and an append little more than its message") {
  const auto empty = encode(1, {}).size();
  CHECK(encode(1, {settle(1, 1'000'000, 1'000'000)}).size() - empty == 9);
  const auto sent = message("images/process", std::string(256, 'p'));
  const auto own = sent->topic.size() + sent->payload.size() + sent->publisher.size();
  CHECK(encode(1, {append(1, 1'000'000, sent)}).size() - empty <= own + 18);
}
