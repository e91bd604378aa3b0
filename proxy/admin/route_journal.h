#pragma once

#include "proxy/admin/call.h"

// Backups of the journal while it serves.

namespace admin {

void begin_backup(const Call& call, const Done& done);
void show_backup(const Call& call, const Done& done);

}  // namespace admin
