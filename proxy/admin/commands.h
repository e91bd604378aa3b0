#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/queue_options.h"
#include "proxy/admin/client.h"
#include "proxy/admin/command_parts.h"

// `sluice queue ...` and `sluice consumer ...`: what each asks of the HTTP API, and what is said
// about it. They return exit codes, see command_parts.h.

namespace admin {

struct CreateQueue {
  dispatch::QueueOptions options;  // name, filter and what was given, over the defaults
  std::vector<std::string> given;  // the options to send; the server knows the defaults
  bool idempotent = false;         // a queue that is there with this definition is fine
};

struct UpdateQueue {
  dispatch::QueueOptions options;  // name and what was given
  std::vector<std::string> given;  // the options to change
};

struct ListThings {
  bool names = false;  // of queues alone
  bool headers = true;
  std::string columns;  // with commas; empty: the usual ones
  std::uint64_t limit = UINT64_MAX;
};

struct DeleteQueue {
  std::string name;
  bool force = false;       // with its messages
  bool idempotent = false;  // one that isn't there is fine
};

int create_queue(Client& client, const CreateQueue& what, Answers answers, Output output);
int update_queue(Client& client, const UpdateQueue& what, Answers answers, Output output);
int list_queues(Client& client, const ListThings& what, Answers answers, Output output);
int list_mailboxes(Client& client, const std::string& queue, const ListThings& what,
                   Answers answers, Output output);
int show_queue(Client& client, const std::string& name, Answers answers, Output output);
int delete_queue(Client& client, const DeleteQueue& what, Answers answers, Output output);
// Of one queue, or of all if `queue` is empty.
int list_consumers(Client& client, const std::string& queue, const ListThings& what,
                   Answers answers, Output output);

}  // namespace admin
