#include "proxy/out_buffer.h"

#include <doctest/doctest.h>

namespace proxy {
namespace {

dispatch::MessageRef message_of(std::size_t payload_bytes) {
  auto message = std::make_shared<dispatch::Message>();
  message->payload.assign(payload_bytes, 'p');
  return message;
}

void append(OutBuffer& buffer, const std::string& bytes) {
  buffer.tail() += bytes;
  buffer.added(bytes.size());
}

std::string flat(const OutBuffer& buffer) {
  std::string all;
  for (const auto& piece : buffer.gather()) {
    all.append(static_cast<const char*>(piece.data()), piece.size());
  }
  return all;
}

TEST_CASE("small payloads are copied into one piece") {
  OutBuffer buffer;
  append(buffer, "head1");
  buffer.append_payload(message_of(4095));
  append(buffer, "head2");
  CHECK(buffer.gather().size() == 1);
  CHECK(buffer.size() == 5 + 4095 + 5);
  CHECK(flat(buffer) == "head1" + std::string(4095, 'p') + "head2");
}

TEST_CASE("large payloads are sent from where they are, in order") {
  OutBuffer buffer;
  const auto large = message_of(4096);
  append(buffer, "head1");
  buffer.append_payload(large);
  append(buffer, "head2");
  buffer.append_payload(large);
  const auto pieces = buffer.gather();
  REQUIRE(pieces.size() == 4);
  CHECK(pieces[1].data() == large->payload.data());
  CHECK(buffer.size() == flat(buffer).size());
  CHECK(large.use_count() == 3);
  buffer.clear();
  CHECK(large.use_count() == 1);
}

TEST_CASE("a cleared buffer is empty and starts again") {
  OutBuffer buffer;
  CHECK(buffer.empty());
  append(buffer, "x");
  CHECK_FALSE(buffer.empty());
  buffer.clear();
  CHECK(buffer.empty());
  CHECK(buffer.gather().empty());
  append(buffer, "y");
  CHECK(flat(buffer) == "y");
}

}  // namespace
}  // namespace proxy
