#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "dispatch/queue_options.h"
#include "proxy/admin/client.h"

// `sluice queue ...`: one call of the HTTP API each, and what is said about it. They return exit
// codes: 0 done; 1 the operation failed (no such queue, refused, server not reachable); 2 the
// server calls the arguments wrong. Failures are one line on `err`.

namespace admin {

struct Output {
  std::ostream& out;
  std::ostream& err;
};

// How to answer: JSON as the server sent it, nothing, or words.
struct Answers {
  bool json = false;
  bool quiet = false;
};

struct CreateQueue {
  dispatch::QueueOptions options;  // name, filter and what was given, over the defaults
  std::vector<std::string> given;  // the options to send; the server knows the defaults
  bool idempotent = false;         // a queue that is there with this definition is fine
};

struct ListQueues {
  bool names = false;
  bool headers = true;
};

struct DeleteQueue {
  std::string name;
  bool force = false;       // with its messages
  bool idempotent = false;  // one that isn't there is fine
};

int create_queue(Client& client, const CreateQueue& what, Answers answers, Output output);
int list_queues(Client& client, const ListQueues& what, Answers answers, Output output);
int show_queue(Client& client, const std::string& name, Answers answers, Output output);
int delete_queue(Client& client, const DeleteQueue& what, Answers answers, Output output);

}  // namespace admin
