#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "leveldb/env.h"

// What a write-ahead log of LevelDB's looks like in its file (docs/journal_format.md). LevelDB
// tells the end of one by the end of its file. Ours are written over old ones, which is up to
// several times faster, so what LevelDB writes is put into frames, of which a reader knows whether
// they are this log's, the end is where they end, and what is damaged in front of something that
// was synced is told from what a power cut has torn.

namespace storage {

// What stands at the beginning of a file: which log it is, by LevelDB's number, and the salt that
// its frames carry. The salt is random, so that nothing in an older log, nor in a message that
// somebody made up, can pass for a frame of this one.
struct LogHeader {
  std::uint64_t number = 0;
  std::uint64_t salt = 0;

  static constexpr std::size_t kBytes = 28;
  std::string encode() const;
};

// Takes the place of `file`, whose header is written.
std::unique_ptr<leveldb::WritableFile> write_frames(std::unique_ptr<leveldb::WritableFile> file,
                                                    std::uint64_t salt);

// Reads what write_frames() wrote to the log `number`, or, from a file without a header, what
// LevelDB wrote there itself. Corruption if a frame can't be read though something after it says
// that it was synced, or if the header is that of another log. `reader` is nullptr then.
leveldb::Status read_frames(leveldb::Env& env, const std::string& name, std::uint64_t number,
                            std::unique_ptr<leveldb::SequentialFile>& reader);

}  // namespace storage
