#pragma once

#include "proxy/admin/call.h"

// The consumer groups of a queue: /api/v1/queues/NAME/groups...

namespace admin {

void list_groups(const Call& call, const Done& done);
void create_group(const Call& call, const Done& done);
void show_group(const Call& call, const Done& done);
void delete_group(const Call& call, const Done& done);
void seek_group(const Call& call, const Done& done);

}  // namespace admin
