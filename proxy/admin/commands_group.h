#pragma once

#include <string>

#include "proxy/admin/client.h"
#include "proxy/admin/command_parts.h"
#include "proxy/admin/commands.h"

// `sluice group ...`, `sluice queue pause|resume|check`. They return exit codes, see
// command_parts.h.

namespace admin {

int list_groups(Client& client, const std::string& queue, const ListThings& what, Answers answers,
                Output output);
// `from` as parse_start() takes it; the server reads it.
int create_group(Client& client, const std::string& queue, const std::string& group,
                 const std::string& from, Answers answers, Output output);
int seek_group(Client& client, const std::string& queue, const std::string& group,
               const std::string& from, Answers answers, Output output);
int delete_group(Client& client, const std::string& queue, const std::string& group,
                 Answers answers, Output output);

// Which of a queue's two sides to stop or to start.
struct Sides {
  bool producing = true;
  bool consuming = true;
};
int set_paused(Client& client, const std::string& queue, Sides sides, bool paused, Answers answers,
               Output output);

// Where a publish of this topic goes.
int check_topic(Client& client, const std::string& topic, Answers answers, Output output);

}  // namespace admin
