#pragma once

#include <mqtt/async_client.h>

#include <cstdint>
#include <vector>

#include "proxy/protocol/packets.h"

// Between our packets and Paho's types. Only files named upstream_paho* see Paho's headers.

namespace proxy::paho {

// 4-byte integers are held to 0x7FFFFFFF: Paho C 1.3.12 writes 0x000000FF for anything above.
mqtt::properties to_paho(const protocol::Properties& properties);
protocol::Properties from_paho(const MQTTProperties& properties);

// Everything of the client's but what a hop can't hand on: Topic Alias Maximum (Paho resolves no
// aliases) and enhanced authentication (it has none). The result must reach Paho unmoved: the C++
// copy of it loses a user name or password of length zero.
mqtt::connect_options connect_options(const protocol::Connect& connect, std::uint16_t keep_alive_s);
mqtt::disconnect_options disconnect_options(const protocol::Disconnect& disconnect);

protocol::Publish from_paho(const mqtt::message& message);  // without a packet identifier
MQTTSubscribe_options subscribe_options(const protocol::Subscription& subscription);

// The handle of the C library, for the calls whose C++ version loses something.
MQTTAsync handle_of(const mqtt::async_client& client);

// SUBACK and UNSUBACK without a packet identifier. The reasons of a 5.0 one stand in `list` if
// there are several, else `only` is it.
std::vector<protocol::ReasonCode> reasons(int count, const MQTTReasonCodes* list,
                                          MQTTReasonCodes only);

protocol::Connack connack(const mqtt::token& token);
// Why there is no connection, from a failed token: the broker's code or 0x88.
protocol::Connack refusal(const mqtt::token& token, protocol::Version version);

}  // namespace proxy::paho
