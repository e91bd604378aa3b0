#pragma once

#include <map>
#include <string>

#include "dispatch/result.h"
#include "leveldb/db.h"

// Small records of MQTT sessions, by client identifier, beside the queues in state/: what a session
// must find again after a restart of the proxy. What is in them is the proxy's business. They are
// few and change seldom, so each change is a write of its own, outside log and checkpoint.

namespace storage {

// Durable when it returns. An empty record removes what is there.
dispatch::Result<void> put_session(leveldb::DB& state, const std::string& client_id,
                                   const std::string& record);

// All of them. An error names the client identifier of the damaged one.
dispatch::Result<std::map<std::string, std::string>> read_sessions(leveldb::DB& state);

}  // namespace storage
