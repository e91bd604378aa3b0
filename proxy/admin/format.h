#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

// What people read: tables and lists made from the API's JSON. Text that comes from outside is
// shown with control characters escaped, so that a topic filter can't drive a terminal.

namespace admin {

// "850ms", "12s", "3m10s", "2h05m", "4d03h".
std::string human_age(std::chrono::milliseconds age);

// The columns NAME FILTER READY IN-FLIGHT CONSUMERS STORED ACKED OLDEST MODE DISPATCH, numbers to
// the right, a line a queue. OLDEST is `-` for an empty queue.
std::string queue_table(const boost::json::array& queues, bool headers);

// One queue, `name value` a line, every field that the server sent.
std::string queue_details(const boost::json::object& queue);

}  // namespace admin
