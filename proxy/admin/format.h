#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include <boost/json/object.hpp>

#include "proxy/admin/table.h"

// What people read of each thing the API knows.

namespace admin {

// "850ms", "12s", "3m10s", "2h05m", "4d03h".
std::string human_age(std::chrono::milliseconds age);
// "512B", "1.5KiB", "20MiB".
std::string human_bytes(std::uint64_t bytes);

std::span<const Column> queue_columns();
std::span<const Column> mailbox_columns();
std::span<const Column> message_columns();
std::span<const Column> dead_columns();
std::span<const Column> consumer_columns();
std::span<const Column> group_columns();

// One thing, `name value` a line, every field that the server sent; objects in it with their fields
// one level deeper.
std::string details(const boost::json::object& object);

}  // namespace admin
