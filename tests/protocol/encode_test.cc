#include "proxy/protocol/encode.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "proxy/protocol/writer.h"
#include "tests/protocol/bytes.h"

namespace protocol::test {
namespace {

// True if `action` breaks an INVARIANT. In a process of its own, which says it on /dev/null.
template <class Action>
bool aborts(Action action) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // not doctest's report
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    action();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST_CASE("the longest string is 65,535 bytes") {
  for (const std::size_t size : {65'534, 65'535}) {
    const Publish publish{.topic = std::string(size, 't')};
    CHECK(*read_packet(encoded(publish, Version::v5), Version::v5) == Packet(publish));
  }
  const Publish too_long{.topic = std::string(65'536, 't')};
  CHECK(aborts([&] { encoded(too_long, Version::v5); }));
}

TEST_CASE("the longest packet has a Remaining Length of 268,435,455") {
  const Publish publish{.topic = "t"};
  constexpr std::size_t longest = 268'435'455 - 3;
  const auto head = [&](std::size_t payload_size) {
    std::string out;
    encode_publish_head(publish, payload_size, Version::v3_1_1, out);
    return out;
  };
  CHECK(head(longest - 1) == bytes("30 FEFFFF7F 0001 't'"));
  CHECK(head(longest) == bytes("30 FFFFFF7F 0001 't'"));
  CHECK(publish_size(publish, longest, Version::v3_1_1) == 268'435'460);
  CHECK(aborts([&] { head(longest + 1); }));
}

TEST_CASE("lengths on both sides of each digit") {
  for (const std::size_t size : {126, 127, 128, 129, 16'383, 16'384, 2'097'151, 2'097'152}) {
    std::string out = "before";
    Writer writer(out);
    writer.bytes(std::string(size, 'x'));
    writer.insert_length(6);
    const VariableByte length = read_variable_byte(as_span(out).subspan(6));
    CHECK(length.value == size);
    CHECK(out == "before" + out.substr(6, length.size) + std::string(size, 'x'));
  }
}

TEST_CASE("properties of more than 127 bytes") {
  Suback suback{.packet_id = 1, .reasons = {ReasonCode::success}};
  suback.properties.add(PropertyId::reason_string, std::string(125, 'r'));
  const std::string wire = encoded(suback, Version::v5);
  CHECK(wire == bytes("90 8501 0001 8001 1F 007D 72*125 00"));
  CHECK(*read_packet(wire, Version::v5) == Packet(suback));
}

TEST_CASE("what 3.1.1 has no place for stays out") {
  Publish publish{.topic = "t", .payload = "p"};
  publish.properties.add(PropertyId::content_type, "text");
  CHECK(encoded(publish, Version::v3_1_1) == bytes("30 04 0001 't' 'p'"));
  CHECK(publish_size(publish, 1, Version::v3_1_1) == 6);
  const Puback puback{.packet_id = 1, .reason = ReasonCode::quota_exceeded};
  CHECK(encoded(puback, Version::v3_1_1) == bytes("40 02 0001"));
  const Suback suback{.packet_id = 1, .reasons = {ReasonCode::not_authorized}};
  CHECK(encoded(suback, Version::v3_1_1) == bytes("90 03 0001 80"));
  const Unsuback unsuback{.packet_id = 1, .reasons = {ReasonCode::success}};
  CHECK(encoded(unsuback, Version::v3_1_1) == bytes("B0 02 0001"));
  const Disconnect disconnect{.reason = ReasonCode::server_shutting_down};
  CHECK(encoded(disconnect, Version::v3_1_1) == bytes("E0 00"));
  const Connack connack{.reason = ReasonCode::unsupported_protocol_version};
  CHECK(encoded(connack, Version::v3_1_1) == bytes("20 02 00 01"));
  CHECK(aborts([] { encoded(Auth{}, Version::v3_1_1); }));
}

TEST_CASE("packets are appended one after another") {
  std::string out;
  encode(Puback{.packet_id = 1}, Version::v5, out);
  encode(Pingresp{}, Version::v5, out);
  encode(Publish{.topic = "t"}, Version::v5, out);
  CHECK(out == bytes("40 02 0001 D0 00 30 04 0001 't' 00"));
}

}  // namespace
}  // namespace protocol::test
