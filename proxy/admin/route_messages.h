#pragma once

#include "proxy/admin/call.h"

// Looking at the messages and dead letters of a queue without consuming them, and ending or moving
// many at once.

namespace admin {

void list_messages(const Call& call, const Done& done);
void show_message(const Call& call, const Done& done);
void purge_messages(const Call& call, const Done& done);
void list_dead(const Call& call, const Done& done);
void show_dead(const Call& call, const Done& done);
void purge_dead(const Call& call, const Done& done);
void redrive_dead(const Call& call, const Done& done);

}  // namespace admin
