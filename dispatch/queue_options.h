#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/result.h"
#include "dispatch/time.h"

// The definition of a queue: its name, its topic filter and its options. One table
// (option_table.cc) knows each option's name, default, parser and printer; config file, CLI,
// HTTP API and journal all go through it, so an option exists in all four or in none.

namespace dispatch {

enum class Mode { divert, copy };
enum class Strategy { least_inflight, round_robin, random, key_affinity, exclusive };
// When an acknowledged message is safe from a power cut (docs/guarantees.md).
enum class Durability {
  fsync,     // before it is acknowledged
  interval,  // sync_interval after it was acknowledged, at most
  none,      // when the system writes it, or with somebody else's sync
};
// What becomes of a publish for which there is no room.
enum class Overflow {
  reject,       // refused, MQTT 0x97
  drop_oldest,  // stored; the oldest ones that are not in flight go
  block,        // acknowledged as soon as there is room
};
// What stands in for a key that a message does not have.
enum class KeyMissing { topic, reject };
// How consumers settle, unless their subscription says otherwise.
enum class Settling { puback, explicit_ };

struct QueueOptions {
  std::string name;    // [A-Za-z0-9][A-Za-z0-9._-]*, at most 128 bytes, unique
  std::string filter;  // a valid topic filter outside $share/ $q/ $queue/ $SYS/, unique
  Mode mode = Mode::divert;
  Strategy dispatch = Strategy::least_inflight;
  bool last_value = false;
  std::vector<std::string> key = {"topic"};  // selectors, see key_selector.h
  KeyMissing key_missing = KeyMissing::topic;
  Settling settle = Settling::puback;
  std::uint32_t max_inflight = 32;  // per consumer, 1..65535
  // So many failed deliveries make a message a dead letter; 0: it is tried for ever.
  std::uint32_t max_deliveries = 16;
  // In flight for so long, a message is taken away: a failed delivery. 0 (never) to 1 day.
  Duration ack_timeout{300'000};
  // How long a consumer that released a message gets no other one, 0 to 1 day.
  Duration release_pause{1000};
  // How long a message waits after a failed delivery (delayed.h); 0: it is ready at once.
  Duration retry_delay{100};           // after the first one, 0 to 1 day
  std::uint32_t retry_multiplier = 2;  // for each one after that, 1..100
  Duration retry_delay_max{60'000};    // 0 to 1 day
  std::uint32_t retry_jitter = 20;     // percent, 0..100
  // Limits of what is kept, in flight or not; 0: none.
  std::uint64_t max_messages = 0;
  std::uint64_t max_bytes = 0;  // sum of Message::size_bytes()
  Overflow overflow = Overflow::reject;
  Duration retention{7LL * 24 * 3600 * 1000};  // how long a message is kept; 0: for ever
  Duration group_expiry{0};  // a group without consumers for so long is deleted; 0: never
  // The same limits for the queue's dead letters; the oldest go when there are too many.
  std::uint64_t dead_max_messages = 0;
  std::uint64_t dead_max_bytes = 0;
  Duration dead_retention{7LL * 24 * 3600 * 1000};
  bool dead_on_expiry = false;    // what expires becomes a dead letter
  bool dead_on_drop = false;      // what is dropped for want of room does
  bool per_topic = false;         // a template: each topic has a queue of its own
  Duration mailbox_idle{60'000};  // an empty one without consumers goes after so long
  bool pause_consuming = false;   // nothing is handed out
  bool pause_producing = false;   // publishes are refused, MQTT 0x97
  Durability durability = Durability::fsync;
  Duration sync_interval{1000};  // for Durability::interval, 1 ms to 1 h
  bool metadata = true;          // q-queue, q-offset ... on MQTT 5 deliveries

  // True if messages have keys.
  bool has_keys() const { return last_value || dispatch == Strategy::key_affinity; }
  friend bool operator==(const QueueOptions&, const QueueOptions&) = default;
};

// The dead letters of a queue are a queue of their own, with this filter, which no topic matches,
// the same name, and the options that concern consumers.
std::string dead_letter_filter(std::string_view filter);
bool holds_dead_letters(const QueueOptions& options);
QueueOptions dead_letter_options(const QueueOptions& origin);

// What a mailbox is called to administration, and the two parts of such a name; no topic if it is
// the name of another queue.
std::string mailbox_name(std::string_view template_name, std::string_view topic);
struct QueueNameParts {
  std::string_view name;
  std::optional<std::string_view> topic;
};
QueueNameParts split_queue_name(std::string_view name);

using OptionText = std::pair<std::string, std::string>;  // name, value

// Sets one option from text, as in a config file ("least_inflight", "true", "32", "5m", "1GiB", and
// lists as comma-separated words). Unknown names and wrong values are different errors, each naming
// the option and what it takes.
Result<void> set_option(QueueOptions& options, std::string_view name, std::string_view value);

// Every option with its value in the form that set_option() takes, in table order.
std::vector<OptionText> option_texts(const QueueOptions& options);

// Checks name, filter and the options against each other.
Result<void> check_options(const QueueOptions& options);

// Letters, digits and . _ -, a letter or digit first, at most 128 bytes: of a queue or a group.
// `what` begins the error.
Result<void> check_name(std::string_view what, std::string_view name);

// A valid queue name made from a filter: "images/+" gives "images-any" (serve --queue).
std::string derive_queue_name(std::string_view filter);

// What an option is called, takes and does: for help texts and docs.
struct OptionHelp {
  std::string_view name;
  std::string_view takes;
  std::string_view about;
};
std::span<const OptionHelp> option_help();

}  // namespace dispatch
