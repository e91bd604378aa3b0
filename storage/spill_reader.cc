#include "storage/spill_reader.h"

#include <algorithm>

#include "storage/database.h"
#include "storage/message_codec.h"
#include "storage/spill_block.h"

namespace storage {

Result<void> SpillReader::read(const SpilledBlocks& blocks, Reading& reading) {
  for (const SpilledBlock& block : blocks.from(reading.next)) {
    if (reading.done()) break;
    if (auto done = read_block(block, reading); !done) return done;
  }
  return {};
}

Result<void> SpillReader::read_block(const SpilledBlock& block, Reading& reading) {
  if (block.first >= reading.range.end) {
    reading.next = reading.range.end;
    return {};
  }
  const auto loaded = load({reading.queue, block.first});
  if (!loaded) return loaded.error();
  if (*loaded) {
    if (auto done = take_messages(block, reading); !done)
      note_damage({reading.queue, block.first}, done.error().text);
  }
  if (!reading.done()) reading.next = std::max(reading.next, block.end());
  return {};
}

Result<void> SpillReader::take_messages(const SpilledBlock& block, Reading& reading) {
  auto reader = SpillBlockReader::open(reading.queue, block.first, value_);
  if (!reader) return reader.error();
  while (reader->left() > 0 && !reading.done()) {
    const auto spilled = reader->next();
    if (!spilled) return spilled.error();
    if (spilled->offset < reading.next) continue;
    auto message = decode_message(spilled->message, spilled->time);
    if (!message) return message.error();
    reading.take(spilled->offset, std::move(*message));
  }
  return {};
}

Result<bool> SpillReader::load(const Name& name) {
  if (name_ == name) return true;
  name_ = {};
  const auto status = state_.Get(uncached(), spill_block_key(name.first, name.second), &value_);
  const std::string called = spill_block_name(name.first, name.second);
  if (status.IsIOError()) return unavailable(called + " can't be read: " + status.ToString());
  if (!status.ok()) {
    note_damage(name, called + (status.IsNotFound() ? " is missing" : ": " + status.ToString()));
    return false;
  }
  name_ = name;
  return true;
}

void SpillReader::note_damage(const Name& name, std::string text) {
  if (damaged_.insert(name).second) damage_.push_back(std::move(text));
}

}  // namespace storage
