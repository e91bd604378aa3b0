#include "storage/message_codec.h"

#include <memory>

#include "storage/coding.h"

namespace storage {
namespace {

using dispatch::ApplicationProperties;
using dispatch::Message;
using dispatch::MessageRef;
using dispatch::Time;

// Which parts follow, lowest bit first in this order.
enum Part : std::uint8_t {
  kUsername = 0x01,
  kPayloadFormat = 0x02,
  kMessageExpiry = 0x04,
  kContentType = 0x08,
  kResponseTopic = 0x10,
  kCorrelationData = 0x20,
  kUserProperties = 0x40,
  kMoreParts = 0x80,  // a second byte follows the first one
};
enum MorePart : std::uint8_t {
  kDeadLetter = 0x01,
};

// Milliseconds between two times, and back; any 64 bits will do, without overflow.
std::uint64_t bits(Time time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

std::int64_t difference(Time later, Time earlier) {
  return static_cast<std::int64_t>(bits(later) - bits(earlier));
}

Time sum(Time time, std::int64_t difference) {
  const std::uint64_t total = bits(time) + static_cast<std::uint64_t>(difference);
  return Time(dispatch::Duration(static_cast<std::int64_t>(total)));
}

std::uint8_t parts_of(const Message& message) {
  const ApplicationProperties& properties = message.properties;
  unsigned parts = 0;
  if (!message.username.empty()) parts |= kUsername;
  if (properties.payload_format) parts |= kPayloadFormat;
  if (properties.message_expiry_s) parts |= kMessageExpiry;
  if (properties.content_type) parts |= kContentType;
  if (properties.response_topic) parts |= kResponseTopic;
  if (properties.correlation_data) parts |= kCorrelationData;
  if (!properties.user.empty()) parts |= kUserProperties;
  if (message.dead_letter) parts |= kMoreParts;
  return static_cast<std::uint8_t>(parts);
}

void put_properties(std::string& out, const ApplicationProperties& properties) {
  if (properties.payload_format) out.push_back(static_cast<char>(*properties.payload_format));
  if (properties.message_expiry_s) put_varint(out, *properties.message_expiry_s);
  if (properties.content_type) put_string(out, *properties.content_type);
  if (properties.response_topic) put_string(out, *properties.response_topic);
  if (properties.correlation_data) put_string(out, *properties.correlation_data);
  if (properties.user.empty()) return;
  put_varint(out, properties.user.size());
  for (const auto& [name, value] : properties.user) {
    put_string(out, name);
    put_string(out, value);
  }
}

void put_dead_letter(std::string& out, const dispatch::DeadLetter& dead, Time time) {
  put_string(out, dead.reason);
  put_signed(out, difference(dead.at, time));
  put_varint(out, dead.origin.value);
  put_varint(out, dead.attempts);
}

dispatch::DeadLetter get_dead_letter(Reader& reader, Time time) {
  dispatch::DeadLetter dead;
  dead.reason = reader.string();
  dead.at = sum(time, reader.signed_varint());
  dead.origin = dispatch::Offset{reader.varint()};
  dead.attempts = reader.varint32();
  return dead;
}

std::vector<dispatch::UserProperty> get_user_properties(Reader& reader) {
  const std::uint64_t count = reader.count();
  if (count == 0) reader.fail();  // then the part would not be there
  std::vector<dispatch::UserProperty> user;
  user.reserve(count / 2);  // a property takes two bytes at least
  for (std::uint64_t i = 0; i < count && !reader.failed(); ++i) {
    std::string name(reader.string());
    user.push_back({std::move(name), std::string(reader.string())});
  }
  return user;
}

ApplicationProperties get_properties(Reader& reader, std::uint8_t parts) {
  ApplicationProperties properties;
  if ((parts & kPayloadFormat) != 0) properties.payload_format = reader.byte();
  if ((parts & kMessageExpiry) != 0) properties.message_expiry_s = reader.varint32();
  if ((parts & kContentType) != 0) properties.content_type = reader.string();
  if ((parts & kResponseTopic) != 0) properties.response_topic = reader.string();
  if ((parts & kCorrelationData) != 0) properties.correlation_data = reader.string();
  if ((parts & kUserProperties) != 0) properties.user = get_user_properties(reader);
  return properties;
}

}  // namespace

void put_message(std::string& out, const Message& message, Time time) {
  // The head is small and its length is not known before; the payload is what must not be copied
  // twice. So the head is built aside, in memory that is kept.
  thread_local std::string head;
  head.clear();
  head.push_back(static_cast<char>(parts_of(message)));
  if (message.dead_letter) head.push_back(static_cast<char>(kDeadLetter));
  put_signed(head, difference(message.stored_at, time));
  put_string(head, message.topic);
  put_string(head, message.publisher);
  if (!message.username.empty()) put_string(head, message.username);
  put_properties(head, message.properties);
  if (message.dead_letter) put_dead_letter(head, *message.dead_letter, time);
  put_varint(out, head.size() + message.payload.size());
  out.append(head);
  out.append(message.payload);
}

Result<MessageRef> decode_message(std::string_view bytes, Time time) {
  Reader reader(bytes);
  auto message = std::make_shared<Message>();
  const std::uint8_t parts = reader.byte();
  if ((parts & kMoreParts) != 0 && reader.byte() != kDeadLetter)
    return unavailable("message with an unknown part");
  message->stored_at = sum(time, reader.signed_varint());
  message->topic = reader.string();
  message->publisher = reader.string();
  if ((parts & kUsername) != 0) {
    message->username = reader.string();
    if (message->username.empty()) reader.fail();
  }
  message->properties = get_properties(reader, parts);
  if ((parts & kMoreParts) != 0) message->dead_letter = get_dead_letter(reader, time);
  if (reader.failed()) return unavailable("message cut short");
  message->payload = bytes.substr(reader.at());
  return MessageRef(std::move(message));
}

}  // namespace storage
