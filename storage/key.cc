#include "storage/key.h"

namespace storage {
namespace {

template <class Rep>
void put_big_endian(std::string& out, Rep value) {
  for (int shift = static_cast<int>(sizeof(Rep)) * 8 - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>((value >> shift) & 0xFF));
}

template <class Rep>
Rep get_big_endian(std::string_view bytes) {
  Rep value = 0;
  for (char c : bytes) value = static_cast<Rep>((value << 8) | static_cast<unsigned char>(c));
  return value;
}

// Queues have ids of 32 bits until there have been that many of them, mailboxes among them.
constexpr std::uint64_t kShortIds = 0xFFFFFFFF;

}  // namespace

std::string log_key(CommitNumber commit) {
  std::string key;
  put_big_endian(key, commit);
  return key;
}

std::optional<CommitNumber> commit_of(std::string_view log_key) {
  if (log_key.size() != sizeof(CommitNumber)) return std::nullopt;
  return get_big_endian<CommitNumber>(log_key);
}

std::string queue_key(dispatch::QueueId queue) {
  std::string key = "q";
  if (queue.value <= kShortIds)
    put_big_endian(key, static_cast<std::uint32_t>(queue.value));
  else
    put_big_endian(key, queue.value);
  return key;
}

std::optional<dispatch::QueueId> queue_of(std::string_view state_key) {
  if (!state_key.starts_with('q')) return std::nullopt;
  state_key.remove_prefix(1);
  if (state_key.size() != sizeof(std::uint32_t) && state_key.size() != sizeof(std::uint64_t))
    return std::nullopt;
  return dispatch::QueueId{get_big_endian<dispatch::QueueId::rep>(state_key)};
}

std::string session_key(std::string_view client_id) { return "c" + std::string(client_id); }

std::optional<std::string> session_of(std::string_view state_key) {
  if (!state_key.starts_with('c')) return std::nullopt;
  return std::string(state_key.substr(1));
}

}  // namespace storage
