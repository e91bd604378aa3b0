#pragma once

#include <cstdint>

#include "dispatch/consumer.h"
#include "dispatch/queue_options.h"

namespace dispatch {

// At least what the PUBLISH that delivers this message will take on the wire, so that no consumer
// is given a packet larger than its Maximum Packet Size [MQTT-3.1.2-24].
std::uint64_t packet_bytes(const Entry& entry, const QueueOptions& options);

}  // namespace dispatch
