#include "proxy/admin/format.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <boost/json/serialize.hpp>

#include "proxy/admin/command_parts.h"
#include "proxy/printable.h"

namespace admin {
namespace {

namespace json = boost::json;
using Object = json::object;

std::string age(const Object& object, std::string_view field) {
  return human_age(std::chrono::milliseconds(number_in(object, field)));
}

std::string bytes(const Object& object, std::string_view field) {
  if (!object.contains({field.data(), field.size()})) return "-";
  return human_bytes(number_in(object, field));
}

std::string rate(const Object& object, std::string_view field) {
  const json::value* value = object.if_contains({field.data(), field.size()});
  json::error_code none;
  const double number = value == nullptr ? 0 : value->to_number<double>(none);
  if (value == nullptr || none) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", number);
  return text;
}

bool is_empty(const Object& queue) {
  return number_in(queue, "ready") + number_in(queue, "in_flight") + number_in(queue, "delayed") ==
         0;
}

std::string oldest(const Object& queue, std::string_view field) {
  return is_empty(queue) ? "-" : age(queue, field);
}

// The beginning of the payload, on one line.
std::string preview(const Object& message, std::string_view field) {
  constexpr std::size_t kWidth = 48;
  const std::string payload = proxy::printable(text_in(message, field));
  const bool more = payload.size() > kWidth || flag_in(message, "payload_truncated");
  std::size_t end = std::min(payload.size(), kWidth);
  while (end < payload.size() && (static_cast<unsigned char>(payload[end]) & 0xC0) == 0x80) --end;
  const std::string prefix = text_in(message, "payload_encoding") == "base64" ? "base64:" : "";
  return prefix + payload.substr(0, end) + (more ? "..." : "");
}

std::string of_death(const Object& message, std::string_view field) {
  const json::value* dead = message.if_contains("dead");
  return dead != nullptr && dead->is_object() ? field_words(dead->get_object(), field) : "-";
}

std::string paused(const Object& consumer, std::string_view field) {
  return number_in(consumer, field) == 0 ? "-" : age(consumer, field);
}

std::string consumed(const Object& consumer, std::string_view field) {
  return field_words(consumer, field) + (flag_in(consumer, "dead") ? " (dead letters)" : "");
}

constexpr bool kRight = true;
constexpr bool kUnusual = false;

constexpr std::array<Column, 17> kQueueColumns = {
    {{"name", "NAME", "name", field_words},
     {"filter", "FILTER", "filter", field_words},
     {"ready", "READY", "ready", field_words, kRight},
     {"in_flight", "IN-FLIGHT", "in_flight", field_words, kRight},
     {"delayed", "DELAYED", "delayed", field_words, kRight},
     {"dead", "DEAD", "dead", field_words, kRight},
     {"consumers", "CONSUMERS", "consumers", field_words, kRight},
     {"oldest", "OLDEST", "oldest_age_ms", oldest, kRight},
     {"in_rate", "IN/S", "in_rate", rate, kRight},
     {"out_rate", "OUT/S", "out_rate", rate, kRight},
     {"mailboxes", "MAILBOXES", "mailboxes", field_words, kRight, kUnusual},
     {"stored", "STORED", "stored_total", field_words, kRight, kUnusual},
     {"acked", "ACKED", "acked_total", field_words, kRight, kUnusual},
     {"redelivered", "REDELIVERED", "redelivered_total", field_words, kRight, kUnusual},
     {"mode", "MODE", "mode", field_words, false, kUnusual},
     {"dispatch", "DISPATCH", "dispatch", field_words, false, kUnusual},
     {"durability", "DURABILITY", "durability", field_words, false, kUnusual}}};

constexpr std::array<Column, 9> kMailboxColumns = {
    {{"topic", "TOPIC", "topic", field_words},
     {"ready", "READY", "ready", field_words, kRight},
     {"in_flight", "IN-FLIGHT", "in_flight", field_words, kRight},
     {"delayed", "DELAYED", "delayed", field_words, kRight},
     {"consumers", "CONSUMERS", "consumers", field_words, kRight},
     {"oldest", "OLDEST", "oldest_age_ms", oldest, kRight},
     {"size", "SIZE", "bytes", bytes, kRight, kUnusual},
     {"stored", "STORED", "stored_total", field_words, kRight, kUnusual},
     {"acked", "ACKED", "acked_total", field_words, kRight, kUnusual}}};

constexpr std::array<Column, 9> kMessageColumns = {
    {{"offset", "OFFSET", "offset", field_words, kRight},
     {"state", "STATE", "state", field_words},
     {"failed", "FAILED", "failed_deliveries", field_words, kRight},
     {"age", "AGE", "age_ms", age, kRight},
     {"size", "SIZE", "payload_bytes", bytes, kRight},
     {"topic", "TOPIC", "topic", field_words},
     {"payload", "PAYLOAD", "payload", preview},
     {"stored_at", "STORED-AT", "stored_at", field_words, false, kUnusual},
     {"publisher", "PUBLISHER", "publisher", field_words, false, kUnusual}}};

constexpr std::array<Column, 11> kDeadColumns = {
    {{"offset", "OFFSET", "offset", field_words, kRight},
     {"reason", "REASON", "reason", of_death},
     {"attempts", "ATTEMPTS", "attempts", of_death, kRight},
     {"died_at", "DIED-AT", "at", of_death},
     {"size", "SIZE", "payload_bytes", bytes, kRight},
     {"topic", "TOPIC", "topic", field_words},
     {"payload", "PAYLOAD", "payload", preview},
     {"origin", "ORIGIN", "origin", of_death, kRight, kUnusual},
     {"state", "STATE", "state", field_words, false, kUnusual},
     {"stored_at", "STORED-AT", "stored_at", field_words, false, kUnusual},
     {"publisher", "PUBLISHER", "publisher", field_words, false, kUnusual}}};

constexpr std::array<Column, 7> kConsumerColumns = {
    {{"client", "CLIENT", "client_id", field_words},
     {"queue", "QUEUE", "queue", consumed},
     {"group", "GROUP", "group", field_words},
     {"in_flight", "IN-FLIGHT", "in_flight", field_words, kRight},
     {"credit", "CREDIT", "credit", field_words, kRight},
     {"paused", "PAUSED", "paused_ms", paused, kRight},
     {"idle", "IDLE", "idle_ms", age, kRight}}};

constexpr std::array<Column, 7> kGroupColumns = {
    {{"name", "NAME", "name", field_words},
     {"ready", "READY", "ready", field_words, kRight},
     {"in_flight", "IN-FLIGHT", "in_flight", field_words, kRight},
     {"delayed", "DELAYED", "delayed", field_words, kRight},
     {"consumers", "CONSUMERS", "consumers", field_words, kRight},
     {"next", "NEXT-OFFSET", "next_offset", field_words, kRight},
     {"acked", "ACKED", "acked_total", field_words, kRight, kUnusual}}};

std::size_t longest_key(const Object& object) {
  std::size_t longest = 0;
  for (const auto& field : object) longest = std::max(longest, field.key().size());
  return longest;
}

std::string details_at(const Object& object, const std::string& indent) {
  const std::size_t longest = longest_key(object);
  std::string text;
  for (const auto& [key, value] : object) {
    const std::string name(key.data(), key.size());
    text += indent + name;
    if (const auto* inner = value.if_object()) {
      text += "\n" + details_at(*inner, indent + "  ");
      continue;
    }
    text += std::string(longest + 2 - name.size(), ' ') + field_words(object, name);
    if (name == "oldest_age_ms" && !is_empty(object)) text += " (" + oldest(object, name) + ")";
    text += "\n";
  }
  return text;
}

}  // namespace

std::string human_age(std::chrono::milliseconds age) {
  const auto pair = [](std::int64_t high, char high_unit, std::int64_t low, char low_unit) {
    char text[48];
    std::snprintf(text, sizeof text, "%lld%c%02lld%c", static_cast<long long>(high), high_unit,
                  static_cast<long long>(low), low_unit);
    return std::string(text);
  };
  const std::int64_t seconds = age.count() / 1000;
  if (seconds == 0) return std::to_string(age.count()) + "ms";
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return pair(seconds / 60, 'm', seconds % 60, 's');
  if (seconds < 86'400) return pair(seconds / 3600, 'h', seconds % 3600 / 60, 'm');
  return pair(seconds / 86'400, 'd', seconds % 86'400 / 3600, 'h');
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + "B";
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; size >= 1023.95 && unit + 1 < kUnits.size(); ++unit) size /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, size < 9.95 ? "%.1f%s" : "%.0f%s", size, kUnits[unit]);
  return text;
}

std::span<const Column> queue_columns() { return kQueueColumns; }
std::span<const Column> mailbox_columns() { return kMailboxColumns; }
std::span<const Column> message_columns() { return kMessageColumns; }
std::span<const Column> dead_columns() { return kDeadColumns; }
std::span<const Column> consumer_columns() { return kConsumerColumns; }
std::span<const Column> group_columns() { return kGroupColumns; }

std::string details(const json::object& object) { return details_at(object, ""); }

}  // namespace admin
