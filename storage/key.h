#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dispatch/ids.h"

// The keys of both databases (docs/journal_format.md). Numbers are big endian, so that LevelDB's
// byte order is their order.

namespace storage {

using CommitNumber = std::uint64_t;  // dense, starts at 1; 0: none

// log/: eight bytes, nothing else.
std::string log_key(CommitNumber commit);
// Nothing if it is not a key of ours.
std::optional<CommitNumber> commit_of(std::string_view log_key);

// state/: a letter, and what it is about.
//   b QUEUE FIRST messages that stay long, moved out of the log (spill_block.h)
//   c CLIENT_ID   one MQTT session (session_store.h)
//   i QUEUE       which blocks `b` a queue has (spill_index.h)
//   m             the head of the checkpoint (checkpoint.h)
//   q QUEUE       one queue
// Blocks come and go by the thousand, and what is deleted is in the way of a scan for a while. They
// come first, so that no scan of another kind runs into them at its end.
inline constexpr std::string_view kHeadKey = "m";
std::string queue_key(dispatch::QueueId queue);
std::optional<dispatch::QueueId> queue_of(std::string_view state_key);
std::string spill_index_key(dispatch::QueueId queue);
std::optional<dispatch::QueueId> spill_index_of(std::string_view state_key);
struct SpillBlockKey {
  dispatch::QueueId queue;
  dispatch::Offset first;
};
std::string spill_block_key(dispatch::QueueId queue, dispatch::Offset first);
std::optional<SpillBlockKey> spill_block_of(std::string_view state_key);
std::string session_key(std::string_view client_id);
std::optional<std::string> session_of(std::string_view state_key);

}  // namespace storage
