#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/admin/client.h"
#include "proxy/admin/commands.h"

// `sluice message ...`, `sluice dead ...` and `sluice queue purge`.

namespace admin {

struct WhichMessages {
  std::string queue;
  bool dead = false;  // its dead letters
  std::uint64_t from = 1;
};

int list_messages(Client& client, const WhichMessages& which, const ListThings& what,
                  Answers answers, Output output);
// One message, by its offset; `payload`: nothing but its bytes.
int show_message(Client& client, const WhichMessages& which, bool payload, Answers answers,
                 Output output);
// `dry_run`: only says how many it would be.
int purge(Client& client, const std::string& queue, bool dead, bool dry_run, Answers answers,
          Output output);
// All of them if `offsets` is empty.
int redrive(Client& client, const std::string& queue, const std::vector<std::uint64_t>& offsets,
            bool dry_run, Answers answers, Output output);

}  // namespace admin
