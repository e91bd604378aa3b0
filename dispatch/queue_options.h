#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/result.h"
#include "dispatch/time.h"

// The definition of a queue: its name, its topic filter and its options. One table (in the .cc)
// knows each option's name, default, parser and printer; config file, CLI, HTTP API and journal
// all go through it, so an option exists in all four or in none.

namespace dispatch {

enum class Mode { divert, copy };
enum class Strategy { least_inflight, round_robin, random };
// When an acknowledged message is safe from a power cut (docs/guarantees.md).
enum class Durability {
  fsync,     // before it is acknowledged
  interval,  // sync_interval after it was acknowledged, at most
  none,      // when the system writes it, or with somebody else's sync
};

struct QueueOptions {
  std::string name;    // [A-Za-z0-9][A-Za-z0-9._-]*, at most 128 bytes, unique
  std::string filter;  // a valid topic filter outside $share/ $q/ $queue/ $SYS/, unique
  Mode mode = Mode::divert;
  Strategy dispatch = Strategy::least_inflight;
  bool last_value = false;
  std::vector<std::string> key = {"topic"};  // selectors, see key_selector.h
  std::uint32_t max_inflight = 32;           // per consumer, 1..65535
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
  Durability durability = Durability::fsync;
  Duration sync_interval{1000};  // for Durability::interval, 1 ms to 1 h
  bool metadata = true;          // q-queue, q-offset ... on MQTT 5 deliveries

  friend bool operator==(const QueueOptions&, const QueueOptions&) = default;
};

// The dead letters of a queue are a queue of their own, with this filter, which no topic matches,
// the same name, and the options that concern consumers.
std::string dead_letter_filter(std::string_view filter);
bool holds_dead_letters(const QueueOptions& options);
QueueOptions dead_letter_options(const QueueOptions& origin);

using OptionText = std::pair<std::string, std::string>;  // name, value

// Sets one option from text, as in a config file ("least_inflight", "true", "32", "5m", and lists
// as comma-separated words). Unknown names, options that are not built yet and wrong values are
// different errors, each naming the option and what it takes.
Result<void> set_option(QueueOptions& options, std::string_view name, std::string_view value);

// Every option with its value in the form that set_option() takes, in table order.
std::vector<OptionText> option_texts(const QueueOptions& options);

// Checks name, filter and the options against each other.
Result<void> check_options(const QueueOptions& options);

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
