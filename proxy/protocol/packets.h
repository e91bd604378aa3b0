#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "proxy/protocol/packet_type.h"
#include "proxy/protocol/properties.h"
#include "proxy/protocol/reason_code.h"

// The control packets of MQTT 3.1.1 and 5.0 as plain values [MQTT-3]. What only 5.0 has is empty
// or success in a 3.1.1 packet. A decoded packet keeps all rules that concern it alone; rules that
// need the session (order, identifiers in use) are the session's.

namespace protocol {

enum class Version : std::uint8_t { v3_1_1 = 4, v5 = 5 };
enum class QoS : std::uint8_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };

// A packet identifier, 1..65535; 0 where there is none.
using PacketId = std::uint16_t;

struct Will {
  std::string topic;
  std::string payload;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  Properties properties;
  friend bool operator==(const Will&, const Will&) = default;
};

struct Connect {
  Version version = Version::v5;
  bool clean_start = true;  // 3.1.1: Clean Session
  std::uint16_t keep_alive_s = 0;
  std::string client_id;
  std::optional<Will> will;
  std::optional<std::string> username;
  std::optional<std::string> password;
  Properties properties;
  friend bool operator==(const Connect&, const Connect&) = default;
};

struct Connack {
  bool session_present = false;
  // In 3.1.1 it goes out as to_return_code(reason), and a code read from there comes as
  // from_return_code().
  ReasonCode reason = ReasonCode::success;
  Properties properties;
  friend bool operator==(const Connack&, const Connack&) = default;
};

struct Publish {
  bool dup = false;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  std::string topic;  // empty: Topic Alias says it
  PacketId packet_id = 0;
  Properties properties;
  std::string payload;
  friend bool operator==(const Publish&, const Publish&) = default;
};

// The four acknowledgements have the same shape [MQTT-3.4 .. 3.7].
template <int Type>
struct Acknowledgement {
  PacketId packet_id = 0;
  ReasonCode reason = ReasonCode::success;
  Properties properties;
  friend bool operator==(const Acknowledgement&, const Acknowledgement&) = default;
};
using Puback = Acknowledgement<4>;
using Pubrec = Acknowledgement<5>;
using Pubrel = Acknowledgement<6>;
using Pubcomp = Acknowledgement<7>;

enum class RetainHandling : std::uint8_t { send = 0, send_if_new = 1, never = 2 };

struct Subscription {
  std::string filter;
  QoS qos = QoS::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  RetainHandling retain_handling = RetainHandling::send;
  friend bool operator==(const Subscription&, const Subscription&) = default;
};

struct Subscribe {
  PacketId packet_id = 0;
  Properties properties;
  std::vector<Subscription> subscriptions;  // at least one
  friend bool operator==(const Subscribe&, const Subscribe&) = default;
};

struct Suback {
  PacketId packet_id = 0;
  Properties properties;
  std::vector<ReasonCode> reasons;  // 3.1.1: granted QoS or 0x80
  friend bool operator==(const Suback&, const Suback&) = default;
};

struct Unsubscribe {
  PacketId packet_id = 0;
  Properties properties;
  std::vector<std::string> filters;  // at least one
  friend bool operator==(const Unsubscribe&, const Unsubscribe&) = default;
};

struct Unsuback {
  PacketId packet_id = 0;
  Properties properties;
  std::vector<ReasonCode> reasons;  // empty in 3.1.1
  friend bool operator==(const Unsuback&, const Unsuback&) = default;
};

struct Pingreq {
  friend bool operator==(const Pingreq&, const Pingreq&) = default;
};
struct Pingresp {
  friend bool operator==(const Pingresp&, const Pingresp&) = default;
};

struct Disconnect {
  ReasonCode reason = ReasonCode::success;
  Properties properties;
  friend bool operator==(const Disconnect&, const Disconnect&) = default;
};

struct Auth {  // 5.0 only
  ReasonCode reason = ReasonCode::success;
  Properties properties;
  friend bool operator==(const Auth&, const Auth&) = default;
};

using Packet = std::variant<Connect, Connack, Publish, Puback, Pubrec, Pubrel, Pubcomp, Subscribe,
                            Suback, Unsubscribe, Unsuback, Pingreq, Pingresp, Disconnect, Auth>;

// The alternatives stand in the order of the type's number.
inline PacketType type_of(const Packet& packet) {
  return static_cast<PacketType>(packet.index() + 1);
}

template <class P>
constexpr PacketType type_of() {
  return []<class... All>(std::type_identity<std::variant<All...>>) {
    unsigned type = 0;
    bool found = false;
    ((found || (++type, found = std::is_same_v<P, All>)), ...);
    return static_cast<PacketType>(type);
  }(std::type_identity<Packet>{});
}

}  // namespace protocol
