#include "proxy/session_record.h"

#include <doctest/doctest.h>

namespace proxy {
namespace {

using namespace std::chrono_literals;

SessionRecord sample() {
  SessionRecord record;
  QueueSubscription plain{{"default", "images/+"}, protocol::QoS::at_least_once, std::nullopt, {}};
  QueueSubscription numbered{{"default", "a \"b\"/#"}, protocol::QoS::exactly_once, 7, true, {}};
  record.queue_subscriptions.emplace("$q/images/+", plain);
  record.queue_subscriptions.emplace("$q/a \"b\"/#", numbered);
  record.session_expiry_s = 0xFFFFFFFF;
  return record;
}

TEST_CASE("a record comes back as it was") {
  SessionRecord record = sample();
  SUBCASE("of a connected session") {}
  SUBCASE("of one that has ended") { record.ended_at = dispatch::Time(1'700'000'000'123ms); }
  const auto back = decode_record(encode_record(record));
  REQUIRE(back.has_value());
  CHECK(back->session_expiry_s == record.session_expiry_s);
  CHECK((back->ended_at == record.ended_at));
  REQUIRE(back->queue_subscriptions.size() == 2);
  for (const auto& [filter, subscription] : record.queue_subscriptions) {
    const auto& found = back->queue_subscriptions.at(filter);
    CHECK(found.address == subscription.address);
    CHECK(found.qos == subscription.qos);
    CHECK((found.subscription_id == subscription.subscription_id));
    CHECK(found.settles_by_command == subscription.settles_by_command);
  }
}

TEST_CASE("a record that is not one is an error, not a crash") {
  for (const char* text :
       {"", "{", "[]", "{}", R"({"expiry_s": -1, "subscriptions": []})",
        R"({"expiry_s": 1, "subscriptions": [{"filter": "$q/a", "qos": 3}]})",
        R"({"expiry_s": 1, "subscriptions": [{"filter": "$q/a/#/b", "qos": 1}]})",
        R"({"expiry_s": 1, "subscriptions": [{"qos": 1}]})"}) {
    CAPTURE(text);
    CHECK_FALSE(decode_record(text).has_value());
  }
}

TEST_CASE("0xFFFFFFFF seconds never end") {
  const dispatch::Time ended(1000ms);
  CHECK((expiry_of(0xFFFFFFFF, ended) == dispatch::Time::max()));
  CHECK((expiry_of(10, ended) == dispatch::Time(11'000ms)));
  CHECK((expiry_of(0, ended) == ended));
}

}  // namespace
}  // namespace proxy
