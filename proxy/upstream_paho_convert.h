#pragma once

#include <mqtt/async_client.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/protocol/packets.h"

// Between our packets and Paho's types. Only files named upstream_paho* see Paho's headers.

namespace proxy::paho {

// 4-byte integers are held to 0x7FFFFFFF: Paho C 1.3.12 writes 0x000000FF for anything above. What
// goes to the broker is put right by upstream_paho_bridge.h.
mqtt::properties to_paho(const protocol::Properties& properties);
protocol::Properties from_paho(const MQTTProperties& properties);

// Properties as the C library takes them. Strings stay with `from`.
class PropertyList {
 public:
  explicit PropertyList(const protocol::Properties& from);
  MQTTProperties c_struct() const;

 private:
  std::vector<MQTTProperty> list_;
};

// For a client that never pings by itself. The result must reach Paho unmoved: the C++ copy of it
// loses a user name or password of length zero.
mqtt::connect_options connect_options(const protocol::Connect& connect);

protocol::Publish from_paho(std::string_view topic, const MQTTAsync_message& message);
MQTTSubscribe_options subscribe_options(const protocol::Subscription& subscription);

// The handle of the C library, for the calls whose C++ version loses something.
MQTTAsync handle_of(const mqtt::async_client& client);

}  // namespace proxy::paho
