#include "proxy/rights.h"

#include <algorithm>

namespace proxy {

bool may_publish(const Acl& acl, const QueueService& queues, const Who& who,
                 std::string_view topic) {
  if (acl.empty()) return true;
  return std::ranges::all_of(queues.queues_of_topic(topic),
                             [&](const dispatch::QueueOptions* queue) {
                               return acl.allows(who, queue->name, Action::produce);
                             });
}

bool may_consume(const Acl& acl, const QueueService& queues, const Who& who,
                 const dispatch::QueueAddress& address, MissingQueue missing) {
  if (acl.empty()) return true;
  const std::string name = queues.name_of_filter(address.filter);
  if (!name.empty()) return acl.allows(who, name, Action::consume);
  switch (missing) {
    case MissingQueue::reject:
      return true;  // refused for want of a queue
    case MissingQueue::create:
      return acl.allows(who, queues.name_for(address), Action::consume);
    case MissingQueue::wait:
      break;
  }
  return acl.allows_any(who, Action::consume);
}

}  // namespace proxy
