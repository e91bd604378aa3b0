#pragma once

#include <chrono>
#include <cstdint>

#include "proxy/admin/client.h"
#include "proxy/admin/command_parts.h"

namespace admin {

struct Top {
  std::uint64_t frames = 0;  // how many tables; 0: until the process is ended
  std::uint64_t limit = 40;  // queues in a table
  std::chrono::milliseconds every{1000};
  bool clear = false;  // the screen, before each table
};

// `sluice top`: the busiest queues in a table, again and again. Rates are those between two tables;
// in the first one they are the server's.
int top(Client& client, const Top& what, Answers answers, Output output);

}  // namespace admin
