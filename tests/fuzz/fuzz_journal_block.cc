#include <string>

#include "storage/record.h"
#include "tests/fuzz/fuzz_target.h"

// Any bytes as the body of a block, under a right checksum: they are refused, or they are writes
// that, encoded again, give the same writes.

namespace storage {
namespace {

constexpr CommitNumber kCommit = 7;

std::string with_checksum(std::string_view body) {
  std::string block;
  begin_envelope(block);
  block.append(body);
  seal_envelope(block, log_key(kCommit));
  return block;
}

bool defines_a_queue(const std::vector<Write>& writes) {
  for (const Write& write : writes)
    if (std::holds_alternative<dispatch::DefineQueue>(write)) return true;
  return false;
}

void run(std::string_view body) {
  const std::string block = with_checksum(body);
  const auto writes = decode_block(kCommit, block, Messages::with);
  if (!writes) return;
  const Time time = BlockReader::open(kCommit, block)->time();
  std::string again;
  encode_block(again, kCommit, time, *writes);
  // Options may be written in more than one way ("60s", "1m"); all else in one only.
  FUZZ_REQUIRE(again == block || defines_a_queue(*writes));
  const auto reread = decode_block(kCommit, again, Messages::with);
  FUZZ_REQUIRE(reread.has_value() && reread->size() == writes->size());
  std::string third;
  encode_block(third, kCommit, time, *reread);
  FUZZ_REQUIRE(third == again);
}

}  // namespace
}  // namespace storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  storage::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
