#pragma once

#include <string>

#include "leveldb/env.h"

// The file system as the journal wants LevelDB to see it: LevelDB's own Env, but
//  - files are readable by their owner only (0600): they hold other people's messages;
//  - a file that was synced, or renamed, is found again after a power cut: the directory is synced
//    with it, where LevelDB leaves that to the file system;
//  - tables are read with pread and never mapped into memory. LevelDB maps up to 1,000 of them,
//    and in a container with a memory limit every mapped page counts.

namespace storage {

// One for the process, never destroyed: LevelDB's background thread may outlive main's statics.
leveldb::Env* file_env();

// Makes the name of a file or directory durable: syncs the directory that it is in.
leveldb::Status sync_name_of(const std::string& path);

}  // namespace storage
