#pragma once

#include <string>

#include "dispatch/message.h"
#include "proxy/protocol/packets.h"

namespace proxy {

// A PUBLISH, or a Will in the form of one, as queues keep it: what travels with a message
// [MQTT-3.3.2.3], who published it, and when it came.
dispatch::MessageRef make_message(protocol::Publish&& publish, const std::string& client_id,
                                  const std::string& username, dispatch::Time now);

}  // namespace proxy
