#include "storage/key.h"

namespace storage {
namespace {

using dispatch::QueueId;

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
constexpr std::size_t kShortKey = 1 + sizeof(std::uint32_t);
constexpr std::size_t kLongKey = 1 + sizeof(std::uint64_t);

std::string key_about(char letter, QueueId queue) {
  std::string key(1, letter);
  if (queue.value <= kShortIds)
    put_big_endian(key, static_cast<std::uint32_t>(queue.value));
  else
    put_big_endian(key, queue.value);
  return key;
}

std::optional<QueueId> queue_in(char letter, std::string_view key) {
  if (key.size() != kShortKey && key.size() != kLongKey) return std::nullopt;
  if (key.front() != letter) return std::nullopt;
  return QueueId{get_big_endian<QueueId::rep>(key.substr(1))};
}

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

std::string queue_key(QueueId queue) { return key_about('q', queue); }

std::optional<QueueId> queue_of(std::string_view state_key) { return queue_in('q', state_key); }

std::string spill_index_key(QueueId queue) { return key_about('i', queue); }

std::optional<QueueId> spill_index_of(std::string_view state_key) {
  return queue_in('i', state_key);
}

std::string spill_block_key(QueueId queue, dispatch::Offset first) {
  std::string key = key_about('b', queue);
  put_big_endian(key, first.value);
  return key;
}

std::optional<SpillBlockKey> spill_block_of(std::string_view state_key) {
  constexpr std::size_t offset_size = sizeof(dispatch::Offset::rep);
  if (state_key.size() < offset_size) return std::nullopt;
  const std::size_t about = state_key.size() - offset_size;
  const auto queue = queue_in('b', state_key.substr(0, about));
  if (!queue) return std::nullopt;
  const auto first = get_big_endian<dispatch::Offset::rep>(state_key.substr(about));
  return SpillBlockKey{*queue, dispatch::Offset{first}};
}

std::string session_key(std::string_view client_id) { return "c" + std::string(client_id); }

std::optional<std::string> session_of(std::string_view state_key) {
  if (!state_key.starts_with('c')) return std::nullopt;
  return std::string(state_key.substr(1));
}

}  // namespace storage
