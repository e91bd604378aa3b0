#pragma once

#include <string_view>

#include "dispatch/queue_address.h"
#include "proxy/acl.h"
#include "proxy/config.h"
#include "proxy/queue_service.h"

// The [[acl]] rules, asked about topics and addresses, which stand for queues.

namespace proxy {

// True if the client may publish to every queue that stores this topic.
bool may_publish(const Acl& acl, const QueueService& queues, const Who& who,
                 std::string_view topic);

// True if it may consume from the queue that the address names, or from its dead letters. Of a
// queue that isn't there `missing` tells what will become of the subscription: one that waits may
// find a queue of any name.
bool may_consume(const Acl& acl, const QueueService& queues, const Who& who,
                 const dispatch::QueueAddress& address, MissingQueue missing);

}  // namespace proxy
