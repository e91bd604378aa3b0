#pragma once

#include <string>
#include <string_view>

#include "dispatch/message.h"
#include "dispatch/time.h"
#include "storage/envelope.h"

// A message as bytes (docs/journal_format.md): a byte that says which parts are there, the parts,
// and the payload as the rest. Used inside blocks; stored_at is kept relative to the block's time.

namespace storage {

// Appends its length as varint, then the message. One pass over the payload.
void put_message(std::string& out, const dispatch::Message& message, dispatch::Time time);

// Reads the message without its length.
Result<dispatch::MessageRef> decode_message(std::string_view bytes, dispatch::Time time);

}  // namespace storage
