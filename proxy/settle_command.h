#pragma once

#include <string>
#include <string_view>

#include "dispatch/ids.h"
#include "dispatch/outcome.h"
#include "dispatch/result.h"

namespace proxy {

// Consumers that settle by command publish to `$q/$settle/<q-delivery>/<verb>`.
inline constexpr std::string_view kSettlePrefix = "$q/$settle/";

struct SettleCommand {
  std::string delivery_name;  // as the consumer was told: QueueService::name_of()
  dispatch::DeliveryId delivery;
  bool extend = false;  // by settlement.delay
  dispatch::Settlement settlement;
};

// `topic` begins with the prefix. The payload of a retry or extend is a duration ("30s"), of a
// reject the reason; none is needed. ErrorKind::unfit: the payload is wrong, else the topic. The
// command's reason is a view of `payload`.
dispatch::Result<SettleCommand> parse_settle_command(std::string_view topic,
                                                     std::string_view payload);

}  // namespace proxy
