#include "storage/record.h"

#include <utility>

#include "storage/message_codec.h"

namespace storage {
namespace {

using dispatch::AddTotals;
using dispatch::Append;
using dispatch::Attempt;
using dispatch::DefineGroup;
using dispatch::DefineMailbox;
using dispatch::DefineQueue;
using dispatch::DeleteGroup;
using dispatch::DeleteQueue;
using dispatch::GroupId;
using dispatch::MessageRef;
using dispatch::Offset;
using dispatch::QueueId;
using dispatch::Settle;

// Written to disk: never change or reuse a number.
enum class RecordType : std::uint8_t {
  append = 1,
  settle = 2,
  attempt = 3,
  define_queue = 4,
  delete_queue = 5,
  define_group = 6,
  delete_group = 7,
  define_mailbox = 8,
  add_totals = 9,
};

// Appends records to a block, one overload a kind.
class Encoder {
 public:
  Encoder(std::string& out, Time time) : out_(out), time_(time) {}

  void operator()(const Append& write) {
    begin(RecordType::append, write.queue);
    put_varint(out_, write.offset.value);
    put_varint(out_, write.bytes);
    put_string(out_, write.key);
    put_message(out_, *write.message, time_);
  }

  void operator()(const Settle& write) {
    begin(RecordType::settle, write.queue);
    put_varint(out_, write.group.value);
    put_varint(out_, write.first.value);
    put_varint(out_, write.last.value - write.first.value);
    out_.push_back(static_cast<char>(write.end));
    put_varint(out_, write.bytes);
  }

  void operator()(const Attempt& write) {
    begin(RecordType::attempt, write.queue);
    put_varint(out_, write.group.value);
    put_varint(out_, write.offset.value);
    put_varint(out_, write.failed);
  }

  void operator()(const DefineQueue& write) {
    begin(RecordType::define_queue, write.queue);
    put_options(out_, write.options);
  }

  void operator()(const DeleteQueue& write) { begin(RecordType::delete_queue, write.queue); }

  void operator()(const DefineGroup& write) {
    begin(RecordType::define_group, write.queue);
    put_varint(out_, write.group.value);
    put_string(out_, write.name);
    put_varint(out_, write.start.value);
  }

  void operator()(const DeleteGroup& write) {
    begin(RecordType::delete_group, write.queue);
    put_varint(out_, write.group.value);
  }

  void operator()(const DefineMailbox& write) {
    begin(RecordType::define_mailbox, write.queue);
    put_varint(out_, write.template_queue.value);
    put_string(out_, write.topic);
  }

  void operator()(const AddTotals& write) {
    begin(RecordType::add_totals, write.queue);
    put_varint(out_, write.stored);
    put_ends(out_, write.ended);
  }

 private:
  void begin(RecordType type, QueueId queue) {
    out_.push_back(static_cast<char>(type));
    put_varint(out_, queue.value);
  }

  std::string& out_;
  Time time_;
};

AppendRecord get_append(Reader& reader, QueueId queue) {
  AppendRecord record{queue, Offset{reader.varint()}, reader.varint32(), {}, {}};
  record.key = reader.string();
  record.message = reader.string();
  return record;
}

Settle get_settle(Reader& reader, QueueId queue) {
  const GroupId group{reader.varint32()};
  const Offset first{reader.varint()};
  const Offset last{first.value + reader.varint()};
  if (last < first) reader.fail();
  const auto end = static_cast<dispatch::End>(reader.byte());
  return {queue, group, first, last, end, reader.varint()};
}

Attempt get_attempt(Reader& reader, QueueId queue) {
  const GroupId group{reader.varint32()};
  const Offset offset{reader.varint()};
  return {queue, group, offset, reader.varint32()};
}

DefineGroup get_define_group(Reader& reader, QueueId queue) {
  const GroupId group{reader.varint32()};
  std::string name(reader.string());
  return {queue, group, std::move(name), Offset{reader.varint()}};
}

DefineMailbox get_define_mailbox(Reader& reader, QueueId queue) {
  const QueueId template_queue{reader.varint()};
  return {queue, template_queue, std::string(reader.string())};
}

AddTotals get_add_totals(Reader& reader, QueueId queue) {
  const std::uint64_t stored = reader.varint();
  return {queue, stored, get_ends(reader)};
}

}  // namespace

void encode_block(std::string& out, CommitNumber commit, Time time, std::span<const Write> writes) {
  begin_envelope(out);
  put_signed(out, time.time_since_epoch().count());
  put_varint(out, writes.size());
  Encoder encoder(out, time);
  for (const Write& write : writes) std::visit(encoder, write);
  seal_envelope(out, log_key(commit));
}

Result<BlockReader> BlockReader::open(CommitNumber commit, std::string_view block) {
  const auto body = open_envelope(log_key(commit), block);
  if (!body)
    return unavailable("commit " + std::to_string(commit) + " is damaged: " + body.error().text);
  return begin(commit, *body);
}

Result<BlockReader> BlockReader::reopen(CommitNumber commit, std::string_view block) {
  return begin(commit, block.substr(kEnvelopeBytes));
}

Result<BlockReader> BlockReader::begin(CommitNumber commit, std::string_view body) {
  BlockReader reader(commit, body);
  reader.time_ = Time(dispatch::Duration(reader.reader_.signed_varint()));
  reader.left_ = reader.reader_.count();
  if (reader.reader_.failed() || (reader.left_ == 0 && reader.reader_.left() != 0))
    return reader.damage("its head is wrong");
  return reader;
}

Error BlockReader::damage(std::string_view what) const {
  return unavailable("commit " + std::to_string(commit_) + " is damaged: " + std::string(what));
}

Result<Record> BlockReader::next() {
  const auto type = static_cast<RecordType>(reader_.byte());
  const QueueId queue{reader_.varint()};
  Record record;
  switch (type) {
    case RecordType::append:
      record = get_append(reader_, queue);
      break;
    case RecordType::settle:
      record = get_settle(reader_, queue);
      break;
    case RecordType::attempt:
      record = get_attempt(reader_, queue);
      break;
    case RecordType::delete_queue:
      record = DeleteQueue{queue};
      break;
    case RecordType::define_group:
      record = get_define_group(reader_, queue);
      break;
    case RecordType::delete_group:
      record = DeleteGroup{queue, GroupId{reader_.varint32()}};
      break;
    case RecordType::define_mailbox:
      record = get_define_mailbox(reader_, queue);
      break;
    case RecordType::add_totals:
      record = get_add_totals(reader_, queue);
      break;
    case RecordType::define_queue: {
      auto options = get_options(reader_);
      if (!options) return damage(options.error().text);
      record = DefineQueue{queue, std::move(*options)};
      break;
    }
    default:
      return damage("record of unknown type");
  }
  --left_;
  const bool whole = left_ == 0 ? reader_.done() : !reader_.failed();
  if (!whole) return damage("a record does not end where it should");
  return record;
}

namespace {

// A record as the write it was made of, without the message.
struct ToWrite {
  Write operator()(AppendRecord&& append) const {
    return Append{append.queue, append.offset, nullptr, std::string(append.key), append.bytes};
  }
  template <class Same>
  Write operator()(Same&& record) const {
    return std::forward<Same>(record);
  }
};

Result<Write> to_write(Record&& record, Time time, Messages messages) {
  MessageRef message;
  if (const auto* append = std::get_if<AppendRecord>(&record);
      append != nullptr && messages == Messages::with) {
    auto decoded = decode_message(append->message, time);
    if (!decoded) return decoded.error();
    message = std::move(*decoded);
  }
  Write write = std::visit(ToWrite{}, std::move(record));
  if (auto* append = std::get_if<Append>(&write)) append->message = std::move(message);
  return write;
}

}  // namespace

Result<std::vector<Write>> decode_block(CommitNumber commit, std::string_view block,
                                        Messages messages) {
  auto reader = BlockReader::open(commit, block);
  if (!reader) return reader.error();
  std::vector<Write> writes;
  while (reader->left() > 0) {
    auto record = reader->next();
    if (!record) return record.error();
    auto write = to_write(std::move(*record), reader->time(), messages);
    if (!write) return write.error();
    writes.push_back(std::move(*write));
  }
  return writes;
}

void put_ends(std::string& out, const dispatch::Ends& ended) {
  put_varint(out, ended.size());
  for (const std::uint64_t count : ended) put_varint(out, count);
}

dispatch::Ends get_ends(Reader& reader) {
  dispatch::Ends ended{};
  const std::uint64_t ends = reader.count();
  if (ends > ended.size()) reader.fail();
  for (std::uint64_t i = 0; i < ends && !reader.failed(); ++i) ended[i] = reader.varint();
  return ended;
}

void put_options(std::string& out, const dispatch::QueueOptions& options) {
  const auto texts = dispatch::option_texts(options);
  put_varint(out, texts.size());
  for (const auto& [name, value] : texts) {
    put_string(out, name);
    put_string(out, value);
  }
}

Result<dispatch::QueueOptions> get_options(Reader& reader) {
  dispatch::QueueOptions options;
  const std::uint64_t count = reader.count();
  for (std::uint64_t i = 0; i < count && !reader.failed(); ++i) {
    const std::string_view name = reader.string();
    const std::string_view value = reader.string();
    if (reader.failed()) break;
    if (auto set = dispatch::set_option(options, name, value); !set)
      return unavailable("queue option: " + set.error().text);
  }
  if (reader.failed()) return unavailable("queue options cut short");
  return options;
}

}  // namespace storage
