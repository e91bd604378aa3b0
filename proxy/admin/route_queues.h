#pragma once

#include "proxy/admin/call.h"

// What the paths below /api/v1/queues and /api/v1/consumers do, but for single messages.

namespace admin {

void list_queues(const Call& call, const Done& done);
void list_mailboxes(const Call& call, const Done& done);
void create_queue(const Call& call, const Done& done);
void show_queue(const Call& call, const Done& done);
void update_queue(const Call& call, const Done& done);
void delete_queue(const Call& call, const Done& done);
void list_consumers(const Call& call, const Done& done);

// Which queues a topic goes to, and whether it is forwarded.
void show_route(const Call& call, const Done& done);

}  // namespace admin
