#pragma once

#include <string>

#include "leveldb/env.h"

// What LevelDB's Env has no word for, and its write-ahead logs need to be fast.

namespace storage {

class OverwritingEnv : public leveldb::EnvWrapper {
 public:
  using EnvWrapper::EnvWrapper;

  // Opens a file, made if it is missing, to be written from its beginning. What was in it stays
  // until it is written over, and the file stays as long as it is: a sync then has data to write
  // and nothing else, neither a size nor places on the disk. At a power cut each sector that was
  // written and not synced may be the old one or the new one.
  virtual leveldb::Status NewOverwritingFile(const std::string& name,
                                             leveldb::WritableFile** file) = 0;
};

}  // namespace storage
