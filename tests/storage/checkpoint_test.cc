#include "storage/checkpoint.h"

#include "doctest/doctest.h"
#include "storage/coding.h"
#include "tests/support/storage_samples.h"

using namespace dispatch;
using storage::Head;
using storage::Run;

namespace {

QueueState full_state() {
  QueueState state;
  state.id = QueueId{7};
  QueueOptions options;
  options.name = "lights";
  options.filter = "lights/#";
  options.last_value = true;
  state.set_options(options);
  state.next = Offset{1000};
  GroupState& group = state.groups[dispatch::GroupId{1}];
  group.name = "default";
  group.settled = OffsetSet(Offset{5});
  group.settled.add(Offset{7}, Offset{7});
  group.settled.add(Offset{20}, Offset{90});
  group.attempts = {{Offset{6}, 1}, {Offset{100}, ~0u}};
  group.ended = {72, 3, 1};
  state.groups[GroupId{9}].name = "audit";
  state.latest = {{"blue", {Offset{998}, 17}}, {std::string("\0x", 2), {Offset{999}, 0}}};
  state.gone = OffsetSet(Offset{3});
  state.gone.add(Offset{7}, Offset{7});
  state.kept_bytes = 123'456'789'012;
  state.ended = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  return state;
}

const std::vector<Run> kRuns = {{3, Offset{5}, 4, 2}, {90, Offset{91}, 909, 64}};

std::string full_record() {
  std::string value;
  const auto state = full_state();
  storage::encode_queue(value, state.id, 91, &state, kRuns);
  return value;
}

}  // namespace

TEST_CASE("a queue's record reads back as it was") {
  const auto record = storage::decode_queue(QueueId{7}, full_record());
  if (!record) FAIL(record.error().text);
  CHECK(record->covered == 91);
  CHECK_FALSE(record->deleted);
  CHECK(record->state == full_state());
  CHECK(std::vector<Run>(record->runs.all().begin(), record->runs.all().end()) == kRuns);
}

TEST_CASE("the record of a mailbox has its template's id in the place of options") {
  QueueState mailbox = full_state();
  mailbox.template_queue = QueueId{3};
  mailbox.topic = "lights/a";
  std::string value;
  storage::encode_queue(value, mailbox.id, 91, &mailbox, kRuns);
  CHECK(full_record().size() - value.size() > 500);
  const auto record = storage::decode_queue(QueueId{7}, value);
  if (!record) FAIL(record.error().text);
  CHECK(record->state.template_queue == QueueId{3});
  CHECK(record->state.topic == "lights/a");
  CHECK(record->state.options() == QueueOptions());
  CHECK(record->state.groups == mailbox.groups);
}

TEST_CASE("the record of a template has what was counted in mailboxes that are gone") {
  QueueState state;
  state.id = QueueId{7};
  QueueOptions options;
  options.per_topic = true;
  state.set_options(options);
  state.stored_before = 1ull << 50;
  std::string value;
  storage::encode_queue(value, state.id, 91, &state, {});
  const auto record = storage::decode_queue(QueueId{7}, value);
  if (!record) FAIL(record.error().text);
  CHECK(record->state == state);
}

TEST_CASE("a record of an unknown kind is refused") {
  std::string value;
  storage::begin_envelope(value);
  storage::put_varint(value, 12);
  value.push_back(3);
  storage::seal_envelope(value, storage::queue_key(QueueId{7}));
  const auto record = storage::decode_queue(QueueId{7}, value);
  REQUIRE_FALSE(record.has_value());
  CHECK(record.error().text == "the checkpoint of queue 7 can't be used: it is of an unknown kind");
}

TEST_CASE("keys of queues are their ids, however large") {
  const std::uint64_t kIds[] = {1, 255, 0xFFFFFFFF, 0x100000000, ~0ull};
  for (const auto id : kIds) {
    const auto key = storage::queue_key(QueueId{id});
    CHECK(key.size() == (id > 0xFFFFFFFF ? 9 : 5));
    CHECK(storage::queue_of(key) == QueueId{id});
  }
  CHECK_FALSE(storage::queue_of("q1234567").has_value());
  CHECK_FALSE(storage::queue_of("c1234").has_value());
}

TEST_CASE("the record of a deleted queue says so") {
  std::string value;
  storage::encode_queue(value, QueueId{7}, 12, nullptr, {});
  const auto record = storage::decode_queue(QueueId{7}, value);
  REQUIRE(record.has_value());
  CHECK(record->deleted);
  CHECK(record->covered == 12);
}

TEST_CASE("damage of any byte of a record is noticed, and a record under another key") {
  const auto value = full_record();
  for (std::size_t at = 0; at < value.size(); ++at) {
    auto damaged = value;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    REQUIRE_FALSE(storage::decode_queue(QueueId{7}, damaged).has_value());
  }
  CHECK_FALSE(storage::decode_queue(QueueId{8}, value).has_value());
}

TEST_CASE("the head reads back, and one of a newer schema is refused with the mend") {
  const Head head{90, 40, 30, QueueId{8}};
  std::string value;
  storage::encode_head(value, head);
  const auto back = storage::decode_head(value);
  REQUIRE(back.has_value());
  CHECK(back->covered == 90);
  CHECK(back->kept_from == 40);
  CHECK(back->removed_below == 30);
  CHECK(back->next_queue == QueueId{8});

  storage::begin_envelope(value);
  storage::put_varint(value, storage::kSchemaVersion + 1);
  storage::seal_envelope(value, storage::kHeadKey);
  const auto newer = storage::decode_head(value);
  REQUIRE_FALSE(newer.has_value());
  CHECK(newer.error().text.find("schema version 4") != std::string::npos);
}
