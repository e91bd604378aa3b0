#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/protocol/bytes.h"
#include "tests/protocol/packet_table.h"

// Writes the seeds of fuzz_decode and fuzz_framing from the sample packets into argv[1].

namespace protocol::test {
namespace {

void write(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// The largest samples are only longer, not richer.
constexpr std::size_t longest_seed = 512;

void write_seeds(const std::filesystem::path& corpus) {
  for (const auto* table : {&packet_table(), &long_forms()}) {
    for (const Sample& sample : *table) {
      const std::string wire = bytes(sample.wire);
      if (wire.size() > longest_seed) continue;
      const char version = sample.version == Version::v5 ? 5 : 4;
      write(corpus / "fuzz_decode" / sample.name, version + wire);
    }
  }
  // A limit of 255 * 16 bytes and one of 16, before streams of several packets.
  const std::string stream =
      bytes("C0 00 30 05 0001 't' 00 'p' 40 02 0001 30 8001 0001 't' 78*125");
  write(corpus / "fuzz_framing" / "stream", "\xFF" + stream);
  write(corpus / "fuzz_framing" / "small_limit", "\x01" + stream);
  write(corpus / "fuzz_framing" / "unfinished", "\xFF" + bytes("C0 00 30 05 0001"));
  write(corpus / "fuzz_framing" / "five_digits", "\xFF" + bytes("30 80808080 01"));
  write(corpus / "fuzz_framing" / "padded", "\xFF" + bytes("30 8000"));
  write(corpus / "fuzz_framing" / "longest", "\xFF" + bytes("30 FFFFFF7F"));
}

}  // namespace
}  // namespace protocol::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_corpus DIRECTORY\n";
    return 2;
  }
  protocol::test::write_seeds(argv[1]);
  return 0;
}
