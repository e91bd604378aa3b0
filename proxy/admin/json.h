#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "dispatch/queue_options.h"
#include "dispatch/result.h"
#include "proxy/admin/api.h"

// The bodies of the HTTP API, docs/api/openapi.yaml. Pure.

namespace admin {

// Every option under its name, in its JSON form: numbers, booleans, strings, lists of strings.
boost::json::object to_json(const dispatch::QueueOptions& options);
// One group of a queue.
boost::json::object to_json(const dispatch::GroupStats& stats);
// The options, then the counters, then the groups.
boost::json::object to_json(const QueueInfo& info);
// Without what its template says of all of them.
boost::json::object mailbox_json(const QueueInfo& info);
boost::json::object to_json(const ConsumerInfo& info);
boost::json::object to_json(const Health& health);
// {"error":{"kind":"exists","message":"..."}}
boost::json::object error_json(std::string_view kind, std::string_view message);

// The definition of a queue from the body of a POST. Errors name the field; bad JSON, fields that
// are unknown or of the wrong type are all `invalid`.
dispatch::Result<dispatch::QueueOptions> queue_options_from_json(std::string_view body);
// These options with what the body of a PATCH changes.
dispatch::Result<dispatch::QueueOptions> changed_options(const dispatch::QueueOptions& from,
                                                         const boost::json::object& changes);

}  // namespace admin
