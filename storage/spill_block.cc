#include "storage/spill_block.h"

namespace storage {
namespace {

using dispatch::Time;

// Milliseconds between two times, and back; any 64 bits will do, without overflow.
std::uint64_t bits(Time time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

}  // namespace

void SpillBlockBuilder::add(Offset offset, Time time, std::string_view message) {
  if (empty()) {
    first_ = next_ = offset;
    time_ = time;
  }
  put_varint(messages_, offset.value - next_.value);
  put_signed(messages_, static_cast<std::int64_t>(bits(time) - bits(time_)));
  put_string(messages_, message);
  next_ = dispatch::next(offset);
  ++count_;
}

SpilledBlock SpillBlockBuilder::finish(std::string& out, QueueId queue) {
  begin_envelope(out);
  put_signed(out, time_.time_since_epoch().count());
  put_varint(out, count_);
  out += messages_;
  seal_envelope(out, spill_block_key(queue, first_));
  const SpilledBlock block{first_, static_cast<std::uint32_t>(next_.value - first_.value),
                           static_cast<std::uint32_t>(out.size())};
  messages_.clear();
  count_ = 0;
  return block;
}

Result<SpillBlockReader> SpillBlockReader::open(QueueId queue, Offset first,
                                                std::string_view block) {
  const auto body = open_envelope(spill_block_key(queue, first), block);
  if (!body)
    return unavailable(spill_block_name(queue, first) + " is damaged: " + body.error().text);
  SpillBlockReader reader(queue, first, *body);
  reader.time_ = Time(dispatch::Duration(reader.reader_.signed_varint()));
  reader.left_ = reader.reader_.count();
  if (reader.reader_.failed() || (reader.left_ == 0 && reader.reader_.left() != 0))
    return reader.damage("its head is wrong");
  return reader;
}

Result<SpilledMessage> SpillBlockReader::next() {
  SpilledMessage message;
  message.offset = Offset{next_.value + reader_.varint()};
  const auto later = static_cast<std::uint64_t>(reader_.signed_varint());
  message.time = Time(dispatch::Duration(static_cast<std::int64_t>(bits(time_) + later)));
  message.message = reader_.string();
  --left_;
  const bool whole = left_ == 0 ? reader_.done() : !reader_.failed();
  if (!whole || message.offset < next_) return damage("a message does not end where it should");
  next_ = dispatch::next(message.offset);
  return message;
}

Error SpillBlockReader::damage(std::string_view what) const {
  return unavailable(spill_block_name(queue_, first_) + " is damaged: " + std::string(what));
}

std::string spill_block_name(QueueId queue, Offset first) {
  return "block " + std::to_string(first.value) + " of queue " + std::to_string(queue.value);
}

}  // namespace storage
