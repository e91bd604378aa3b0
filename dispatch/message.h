#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dispatch/ids.h"
#include "dispatch/time.h"

// A message as queues keep it: immutable once built, shared by the journal's block, the queue and
// every delivery. Its payload is copied once, off the receive buffer, and never again.

namespace dispatch {

struct UserProperty {
  std::string name;
  std::string value;
  friend bool operator==(const UserProperty&, const UserProperty&) = default;
};

// The application properties of an MQTT 5 PUBLISH that travel to the consumer [MQTT-3.3.2.3].
// Absent and empty differ. Order of user properties is kept [MQTT-3.3.2-18].
struct ApplicationProperties {
  std::optional<std::uint8_t> payload_format;     // 0 or 1
  std::optional<std::uint32_t> message_expiry_s;  // as published; see Message::expires_at
  std::optional<std::string> content_type;
  std::optional<std::string> response_topic;
  std::optional<std::string> correlation_data;
  std::vector<UserProperty> user;
  friend bool operator==(const ApplicationProperties&, const ApplicationProperties&) = default;
};

// Of a dead letter: how it became one. Only that queue's dead letters have it.
struct DeadLetter {
  std::string reason;  // "max_deliveries", "rejected", or "rejected: " and the consumer's words
  Time at{};
  Offset origin;               // its offset in the queue in which it died
  std::uint32_t attempts = 0;  // how many of its deliveries failed there
  friend bool operator==(const DeadLetter&, const DeadLetter&) = default;
};

struct Message {
  std::string topic;
  std::string payload;
  ApplicationProperties properties;
  std::string publisher;  // client id of the publisher
  std::string username;   // its user name, empty if none
  Time stored_at{};
  std::optional<DeadLetter> dead_letter;

  // When it must not be delivered any more [MQTT-3.3.2-5]; nothing if it never expires.
  std::optional<Time> expires_at() const {
    if (!properties.message_expiry_s) return std::nullopt;
    return stored_at + std::chrono::seconds(*properties.message_expiry_s);
  }

  // What it counts for in max_bytes, budgets and statistics: topic, payload and properties.
  std::size_t size_bytes() const;

  friend bool operator==(const Message&, const Message&) = default;
};

using MessageRef = std::shared_ptr<const Message>;

}  // namespace dispatch
