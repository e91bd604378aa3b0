#include "proxy/session_record.h"

#include <boost/json.hpp>

namespace proxy {

namespace json = boost::json;

dispatch::Time expiry_of(std::uint32_t session_expiry_s, dispatch::Time ended_at) {
  if (session_expiry_s == 0xFFFFFFFF) return dispatch::Time::max();
  return ended_at + std::chrono::seconds(session_expiry_s);
}

std::string encode_record(const SessionRecord& record) {
  json::array subscriptions;
  for (const auto& [filter, subscription] : record.queue_subscriptions) {
    json::object one{{"filter", filter}, {"qos", static_cast<int>(subscription.qos)}};
    if (subscription.subscription_id) one["id"] = *subscription.subscription_id;
    if (subscription.settles_by_command) one["settle"] = "explicit";
    subscriptions.push_back(std::move(one));
  }
  json::object all{{"expiry_s", record.session_expiry_s}, {"subscriptions", subscriptions}};
  if (record.ended_at) all["ended_at_ms"] = record.ended_at->time_since_epoch().count();
  return json::serialize(all);
}

namespace {

std::pair<std::string, QueueSubscription> decode_subscription(const json::value& value) {
  QueueSubscription subscription;
  auto filter = json::value_to<std::string>(value.at("filter"));
  auto address = dispatch::parse_queue_address(filter);
  if (!address) throw std::runtime_error(address.error().text);
  subscription.address = std::move(*address);
  const int qos = value.at("qos").to_number<int>();
  if (qos < 0 || qos > 2) throw std::runtime_error("qos is not 0, 1 or 2");
  subscription.qos = static_cast<protocol::QoS>(qos);
  if (const auto* id = value.as_object().if_contains("id")) {
    subscription.subscription_id = id->to_number<std::uint32_t>();
  }
  subscription.settles_by_command = value.as_object().contains("settle");
  return {std::move(filter), std::move(subscription)};
}

}  // namespace

dispatch::Result<SessionRecord> decode_record(const std::string& text) {
  try {
    const json::value all = json::parse(text);
    SessionRecord record;
    record.session_expiry_s = all.at("expiry_s").to_number<std::uint32_t>();
    if (const auto* ended = all.as_object().if_contains("ended_at_ms")) {
      record.ended_at = dispatch::Time(dispatch::Duration(ended->to_number<std::int64_t>()));
    }
    for (const auto& one : all.at("subscriptions").as_array()) {
      record.queue_subscriptions.insert(decode_subscription(one));
    }
    return record;
  } catch (const std::exception& error) {  // Boost.JSON's, and ours above
    return dispatch::invalid(std::string("session record: ") + error.what());
  }
}

}  // namespace proxy
