#include "proxy/protocol/reason_code.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>

namespace protocol {
namespace {

using enum PacketType;

// Packet types as a set of bits.
constexpr std::uint16_t in(std::initializer_list<PacketType> types) {
  unsigned bits = 0;
  for (const PacketType type : types) bits |= 1u << static_cast<unsigned>(type);
  return static_cast<std::uint16_t>(bits);
}

struct Row {
  ReasonCode code;
  std::string_view name;
  std::uint16_t packets;  // that may carry it
};

constexpr auto acks = in({puback, pubrec});
constexpr auto everywhere = in({connack, puback, pubrec, suback, unsuback, disconnect});

// Reason codes by value [MQTT-2.4], with the tables of each packet's own section.
constexpr std::array rows = {
    Row{ReasonCode::success, "Success", everywhere | in({pubrel, pubcomp, auth})},
    Row{ReasonCode::granted_qos_1, "Granted QoS 1", in({suback})},
    Row{ReasonCode::granted_qos_2, "Granted QoS 2", in({suback})},
    Row{ReasonCode::disconnect_with_will, "Disconnect with Will Message", in({disconnect})},
    Row{ReasonCode::no_matching_subscribers, "No matching subscribers", acks},
    Row{ReasonCode::no_subscription_existed, "No subscription existed", in({unsuback})},
    Row{ReasonCode::continue_authentication, "Continue authentication", in({auth})},
    Row{ReasonCode::reauthenticate, "Re-authenticate", in({auth})},
    Row{ReasonCode::unspecified_error, "Unspecified error", everywhere},
    Row{ReasonCode::malformed_packet, "Malformed Packet", in({connack, disconnect})},
    Row{ReasonCode::protocol_error, "Protocol Error", in({connack, disconnect})},
    Row{ReasonCode::implementation_specific_error, "Implementation specific error", everywhere},
    Row{ReasonCode::unsupported_protocol_version, "Unsupported Protocol Version", in({connack})},
    Row{ReasonCode::client_identifier_not_valid, "Client Identifier not valid", in({connack})},
    Row{ReasonCode::bad_user_name_or_password, "Bad User Name or Password", in({connack})},
    Row{ReasonCode::not_authorized, "Not authorized", everywhere},
    Row{ReasonCode::server_unavailable, "Server unavailable", in({connack})},
    Row{ReasonCode::server_busy, "Server busy", in({connack, disconnect})},
    Row{ReasonCode::banned, "Banned", in({connack})},
    Row{ReasonCode::server_shutting_down, "Server shutting down", in({disconnect})},
    Row{ReasonCode::bad_authentication_method, "Bad authentication method",
        in({connack, disconnect})},
    Row{ReasonCode::keep_alive_timeout, "Keep Alive timeout", in({disconnect})},
    Row{ReasonCode::session_taken_over, "Session taken over", in({disconnect})},
    Row{ReasonCode::topic_filter_invalid, "Topic Filter invalid",
        in({suback, unsuback, disconnect})},
    Row{ReasonCode::topic_name_invalid, "Topic Name invalid", acks | in({connack, disconnect})},
    Row{ReasonCode::packet_identifier_in_use, "Packet Identifier in use",
        acks | in({suback, unsuback})},
    Row{ReasonCode::packet_identifier_not_found, "Packet Identifier not found",
        in({pubrel, pubcomp})},
    Row{ReasonCode::receive_maximum_exceeded, "Receive Maximum exceeded", in({disconnect})},
    Row{ReasonCode::topic_alias_invalid, "Topic Alias invalid", in({disconnect})},
    Row{ReasonCode::packet_too_large, "Packet too large", in({connack, disconnect})},
    Row{ReasonCode::message_rate_too_high, "Message rate too high", in({disconnect})},
    Row{ReasonCode::quota_exceeded, "Quota exceeded", acks | in({connack, suback, disconnect})},
    Row{ReasonCode::administrative_action, "Administrative action", in({disconnect})},
    Row{ReasonCode::payload_format_invalid, "Payload format invalid",
        acks | in({connack, disconnect})},
    Row{ReasonCode::retain_not_supported, "Retain not supported", in({connack, disconnect})},
    Row{ReasonCode::qos_not_supported, "QoS not supported", in({connack, disconnect})},
    Row{ReasonCode::use_another_server, "Use another server", in({connack, disconnect})},
    Row{ReasonCode::server_moved, "Server moved", in({connack, disconnect})},
    Row{ReasonCode::shared_subscriptions_not_supported, "Shared Subscriptions not supported",
        in({suback, disconnect})},
    Row{ReasonCode::connection_rate_exceeded, "Connection rate exceeded",
        in({connack, disconnect})},
    Row{ReasonCode::maximum_connect_time, "Maximum connect time", in({disconnect})},
    Row{ReasonCode::subscription_identifiers_not_supported,
        "Subscription Identifiers not supported", in({suback, disconnect})},
    Row{ReasonCode::wildcard_subscriptions_not_supported, "Wildcard Subscriptions not supported",
        in({suback, disconnect})},
};

const Row* find_row(ReasonCode code) {
  const auto at = std::ranges::lower_bound(rows, code, {}, &Row::code);
  return at != rows.end() && at->code == code ? &*at : nullptr;
}

}  // namespace

std::string_view name(ReasonCode code) {
  const Row* row = find_row(code);
  return row ? row->name : "Unknown reason code";
}

bool may_carry(PacketType type, ReasonCode code) {
  const Row* row = find_row(code);
  return row && (row->packets & in({type})) != 0;
}

ConnectReturnCode to_return_code(ReasonCode code) {
  switch (code) {
    case ReasonCode::success:
      return ConnectReturnCode::accepted;
    case ReasonCode::unsupported_protocol_version:
      return ConnectReturnCode::unacceptable_protocol_version;
    case ReasonCode::client_identifier_not_valid:
      return ConnectReturnCode::identifier_rejected;
    case ReasonCode::bad_user_name_or_password:
    case ReasonCode::bad_authentication_method:
      return ConnectReturnCode::bad_user_name_or_password;
    case ReasonCode::not_authorized:
    case ReasonCode::banned:
      return ConnectReturnCode::not_authorized;
    default:
      return ConnectReturnCode::server_unavailable;
  }
}

ReasonCode from_return_code(std::uint8_t code) {
  switch (static_cast<ConnectReturnCode>(code)) {
    case ConnectReturnCode::accepted:
      return ReasonCode::success;
    case ConnectReturnCode::unacceptable_protocol_version:
      return ReasonCode::unsupported_protocol_version;
    case ConnectReturnCode::identifier_rejected:
      return ReasonCode::client_identifier_not_valid;
    case ConnectReturnCode::server_unavailable:
      return ReasonCode::server_unavailable;
    case ConnectReturnCode::bad_user_name_or_password:
      return ReasonCode::bad_user_name_or_password;
    case ConnectReturnCode::not_authorized:
      return ReasonCode::not_authorized;
  }
  return ReasonCode::unspecified_error;
}

}  // namespace protocol
