#include "dispatch/option_table.h"

#include <algorithm>
#include <charconv>

#include "dispatch/duration_text.h"
#include "dispatch/size_text.h"

namespace dispatch {

namespace {

constexpr std::int64_t kHour = 3600 * 1000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kYears = 3650 * kDay;

// --- Words and what they mean ---

template <class T>
struct Word {
  std::string_view text;
  T meaning;
};

constexpr Word<Mode> kModes[] = {{"divert", Mode::divert}, {"copy", Mode::copy}};
constexpr Word<Strategy> kStrategies[] = {{"least_inflight", Strategy::least_inflight},
                                          {"round_robin", Strategy::round_robin},
                                          {"random", Strategy::random},
                                          {"key_affinity", Strategy::key_affinity},
                                          {"exclusive", Strategy::exclusive}};
constexpr Word<Durability> kDurabilities[] = {
    {"fsync", Durability::fsync}, {"interval", Durability::interval}, {"none", Durability::none}};
constexpr Word<Overflow> kOverflows[] = {{"reject", Overflow::reject},
                                         {"drop_oldest", Overflow::drop_oldest},
                                         {"block", Overflow::block}};
constexpr Word<KeyMissing> kKeyMissing[] = {{"topic", KeyMissing::topic},
                                            {"reject", KeyMissing::reject}};
constexpr Word<Settling> kSettlings[] = {{"puback", Settling::puback},
                                         {"explicit", Settling::explicit_}};
constexpr Word<bool> kBooleans[] = {{"true", true}, {"false", false}};

template <auto member, const auto& words>
constexpr Option words_option(OptionHelp help) {
  return {help,
          [](QueueOptions& options, std::string_view text) {
            const auto found = std::ranges::find_if(words, [&](auto& w) { return w.text == text; });
            if (found == std::end(words)) return false;
            options.*member = found->meaning;
            return true;
          },
          [](const QueueOptions& options) {
            const auto found =
                std::ranges::find_if(words, [&](auto& w) { return w.meaning == options.*member; });
            return std::string(found->text);
          }};
}

// --- Other kinds of values ---

template <auto member, std::uint32_t least, std::uint32_t most>
constexpr Option number_option(OptionHelp help) {
  return {help,
          [](QueueOptions& options, std::string_view text) {
            std::uint32_t value = 0;
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), value);
            if (error != std::errc() || end != text.data() + text.size()) return false;
            if (value < least || value > most) return false;
            options.*member = value;
            return true;
          },
          [](const QueueOptions& options) { return std::to_string(options.*member); }};
}

template <auto member>
constexpr Option size_option(OptionHelp help) {
  return {help,
          [](QueueOptions& options, std::string_view text) {
            const auto parsed = parse_size(text);
            if (parsed) options.*member = *parsed;
            return parsed.has_value();
          },
          [](const QueueOptions& options) { return print_size(options.*member); }};
}

template <auto member, std::int64_t least_ms, std::int64_t most_ms>
constexpr Option duration_option(OptionHelp help) {
  return {help,
          [](QueueOptions& options, std::string_view text) {
            const auto parsed = parse_duration(text);
            if (!parsed || *parsed < Duration(least_ms) || *parsed > Duration(most_ms)) {
              return false;
            }
            options.*member = *parsed;
            return true;
          },
          [](const QueueOptions& options) { return print_duration(options.*member); }};
}

template <auto member>
constexpr Option text_option(OptionHelp help) {
  return {help,
          [](QueueOptions& options, std::string_view text) { return options.*member = text, true; },
          [](const QueueOptions& options) { return options.*member; }};
}

template <auto member>
constexpr Option flag_option(std::string_view name, std::string_view about) {
  return words_option<member, kBooleans>({name, "true or false", about});
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::string join_list(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

// --- The table ---

using O = QueueOptions;
constexpr std::string_view kSizeTakes = "bytes, with KiB, MiB or GiB after them; 0: no limit";
constexpr std::string_view kCountTakes = "a whole number; 0: no limit";

constexpr Option kOptions[] = {
    text_option<&O::name>({"name", "letters, digits and . _ -, at most 128 bytes",
                           "what the queue is called; unique"}),
    text_option<&O::filter>({"filter", "an MQTT topic filter", "which topics it stores; unique"}),
    words_option<&O::mode, kModes>(
        {"mode", "divert or copy", "keep messages from the broker, or forward them as well"}),
    words_option<&O::dispatch, kStrategies>(
        {"dispatch", "least_inflight, round_robin, random, key_affinity or exclusive",
         "which consumer gets the next message"}),
    flag_option<&O::last_value>("last_value", "keep only the newest message of each key"),
    {{"key",
      "topic, topic:<level>, client_id, username, property:<name>, payload:<JSON pointer>; several "
      "with commas",
      "what makes two messages be about the same thing"},
     [](O& o, std::string_view text) { return o.key = split_list(text), true; },
     [](const O& o) { return join_list(o.key); }},
    words_option<&O::key_missing, kKeyMissing>(
        {"key_missing", "topic or reject", "a message without a key: its topic stands in, or no"}),
    words_option<&O::settle, kSettlings>(
        {"settle", "puback or explicit", "what settles a delivery, unless the consumer says"}),
    number_option<&O::max_inflight, 1, 65535>(
        {"max_inflight", "1..65535", "how many unsettled messages one consumer may hold"}),
    number_option<&O::max_deliveries, 0, 1'000'000>(
        {"max_deliveries", "0..1000000",
         "failed deliveries that make a message a dead letter; 0: none"}),
    duration_option<&O::ack_timeout, 0, kDay>(
        {"ack_timeout", "0s..1d", "how long a consumer may hold a message; 0s: for ever"}),
    duration_option<&O::release_pause, 0, kDay>(
        {"release_pause", "0s..1d", "how long a consumer that released a message gets none"}),
    duration_option<&O::retry_delay, 0, kDay>(
        {"retry_delay", "0s..1d", "how long a message waits after its first failed delivery"}),
    number_option<&O::retry_multiplier, 1, 100>(
        {"retry_multiplier", "1..100", "how much longer it waits after each further one"}),
    duration_option<&O::retry_delay_max, 0, kDay>(
        {"retry_delay_max", "0s..1d", "the longest such wait"}),
    number_option<&O::retry_jitter, 0, 100>(
        {"retry_jitter", "0..100", "percent of the wait that chance may take off"}),
    size_option<&O::max_messages>({"max_messages", kCountTakes, "how many messages are kept"}),
    size_option<&O::max_bytes>({"max_bytes", kSizeTakes, "how large all that is kept may be"}),
    words_option<&O::overflow, kOverflows>(
        {"overflow", "reject, drop_oldest or block", "what becomes of a publish without room"}),
    duration_option<&O::retention, 0, kYears>(
        {"retention", "0s..3650d", "how long a message is kept; 0s: for ever"}),
    duration_option<&O::group_expiry, 0, kYears>(
        {"group_expiry", "0s..3650d", "after so long without consumers a group goes; 0s: never"}),
    size_option<&O::dead_max_messages>(
        {"dead_max_messages", kCountTakes, "how many dead letters are kept, the newest"}),
    size_option<&O::dead_max_bytes>(
        {"dead_max_bytes", kSizeTakes, "how large all dead letters may be"}),
    duration_option<&O::dead_retention, 0, kYears>(
        {"dead_retention", "0s..3650d", "how long a dead letter is kept; 0s: for ever"}),
    flag_option<&O::dead_on_expiry>("dead_on_expiry", "messages that expire become dead letters"),
    flag_option<&O::dead_on_drop>("dead_on_drop", "messages that are dropped become dead letters"),
    flag_option<&O::per_topic>("per_topic", "each topic of the filter has a queue of its own"),
    duration_option<&O::mailbox_idle, 0, kYears>(
        {"mailbox_idle", "0s..3650d", "per_topic: an empty queue nobody consumes goes after that"}),
    flag_option<&O::pause_consuming>("pause_consuming", "hand nothing out"),
    flag_option<&O::pause_producing>("pause_producing", "refuse publishes"),
    words_option<&O::durability, kDurabilities>({"durability", "fsync, interval or none",
                                                 "when an acknowledged message is synced to disk"}),
    duration_option<&O::sync_interval, 1, kHour>(
        {"sync_interval", "1ms..1h", "how long durability = interval may leave messages unsynced"}),
    flag_option<&O::metadata>("metadata",
                              "add q-queue, q-offset, q-attempt ... to MQTT 5 deliveries"),
};

}  // namespace

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const auto comma = text.find(',');
    words.emplace_back(trimmed(text.substr(0, comma)));
    if (comma == text.npos) return words;
    text.remove_prefix(comma + 1);
  }
}

std::span<const Option> option_table() { return kOptions; }

const Option* find_option(std::string_view name) {
  const auto found =
      std::ranges::find(kOptions, name, [](const Option& option) { return option.help.name; });
  return found == std::end(kOptions) ? nullptr : found;
}

}  // namespace dispatch
