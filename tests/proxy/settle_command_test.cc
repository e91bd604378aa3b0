#include "proxy/settle_command.h"

#include <string>

#include <doctest/doctest.h>

using namespace proxy;

namespace {

// "ack 7 as 1f-7", or the kind of mistake.
std::string parsed(std::string_view rest, std::string_view payload = {}) {
  const auto command =
      parse_settle_command(std::string(kSettlePrefix) + std::string(rest), payload);
  if (!command)
    return command.error().kind == dispatch::ErrorKind::unfit ? "wrong payload" : "wrong topic";
  constexpr const char* kNames[] = {"ack", "retry", "release", "reject"};
  std::string text =
      command->extend ? "extend" : kNames[static_cast<std::size_t>(command->settlement.outcome)];
  text += " " + std::to_string(command->delivery.value) + " as " + command->delivery_name;
  if (command->settlement.delay)
    text += " after " + std::to_string(command->settlement.delay->count());
  if (!command->settlement.reason.empty())
    text += " because " + std::string(command->settlement.reason);
  return text;
}

}  // namespace

TEST_CASE("settle commands: verbs and payloads") {
  CHECK(parsed("1f-7/ack") == "ack 7 as 1f-7");
  CHECK(parsed("1f-7/ack", "whatever") == "ack 7 as 1f-7");
  CHECK(parsed("1f-7/release") == "release 7 as 1f-7");
  CHECK(parsed("1f-7/retry") == "retry 7 as 1f-7");
  CHECK(parsed("1f-7/retry", "30s") == "retry 7 as 1f-7 after 30000");
  CHECK(parsed("1f-7/extend", "1d") == "extend 7 as 1f-7 after 86400000");
  CHECK(parsed("1f-7/reject", "too dark") == "reject 7 as 1f-7 because too dark");
  CHECK(parsed("1f-18446744073709551615/ack") ==
        "ack 18446744073709551615 as 1f-18446744073709551615");
}

TEST_CASE("settle commands: what is wrong with them") {
  for (const char* topic :
       {"", "/", "/ack", "1f-7", "1f-7/", "1f-7/acknowledge", "1f-7/ack/", "x/ack", "1f-/ack",
        "-/ack", "1f--7/ack", "1f-18446744073709551616/ack"})
    CHECK_MESSAGE(parsed(topic) == "wrong topic", topic);
  CHECK(parsed("1f-7/retry", "25h") == "wrong payload");
  CHECK(parsed("1f-7/extend", "soon") == "wrong payload");
  CHECK(parsed("1f-7/reject", std::string(1024, 'x')).starts_with("reject"));
  CHECK(parsed("1f-7/reject", std::string(1025, 'x')) == "wrong payload");
  CHECK(parsed("1f-7/reject", "\xff") == "wrong payload");
}
