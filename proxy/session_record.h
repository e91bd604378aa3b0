#pragma once

#include <memory>
#include <string>

#include "dispatch/result.h"
#include "dispatch/time.h"
#include "proxy/session_state.h"

namespace proxy {

// What of a session survives a restart of the proxy: its `$q/` subscriptions, and for how long.
struct SessionRecord {
  std::map<std::string, QueueSubscription> queue_subscriptions;
  std::uint32_t session_expiry_s = 0;  // 0xFFFFFFFF: never
  // When its connection ended; nothing while it is connected, or if the proxy died meanwhile.
  std::optional<dispatch::Time> ended_at;
};

// Until when a session that ended then is kept.
dispatch::Time expiry_of(std::uint32_t session_expiry_s, dispatch::Time ended_at);

// As JSON, in the journal.
std::string encode_record(const SessionRecord& record);
dispatch::Result<SessionRecord> decode_record(const std::string& text);

}  // namespace proxy
