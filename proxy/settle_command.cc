#include "proxy/settle_command.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "dispatch/duration_text.h"
#include "proxy/protocol/utf8.h"

namespace proxy {
namespace {

using dispatch::Outcome;

constexpr dispatch::Duration kLongest = std::chrono::hours(24);
constexpr std::size_t kMaxReasonBytes = 1024;

std::optional<dispatch::DeliveryId> delivery_in(std::string_view name) {
  const auto digits = name.substr(std::min(name.find('-'), name.size() - 1) + 1);
  dispatch::DeliveryId delivery;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), delivery.value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return delivery;
}

bool set_verb(std::string_view verb, SettleCommand& command) {
  command.extend = verb == "extend";
  if (verb == "retry") command.settlement.outcome = Outcome::retry;
  if (verb == "release") command.settlement.outcome = Outcome::release;
  if (verb == "reject") command.settlement.outcome = Outcome::reject;
  return command.extend || verb == "ack" || command.settlement.outcome != Outcome::ack;
}

dispatch::Error unfit(std::string text) { return {dispatch::ErrorKind::unfit, std::move(text)}; }

}  // namespace

dispatch::Result<SettleCommand> parse_settle_command(std::string_view topic,
                                                     std::string_view payload) {
  const auto rest = topic.substr(kSettlePrefix.size());
  const auto slash = rest.find('/');
  SettleCommand command;
  const auto name = rest.substr(0, slash);
  const auto delivery = name.empty() ? std::nullopt : delivery_in(name);
  if (slash == rest.npos || !delivery || !set_verb(rest.substr(slash + 1), command))
    return dispatch::invalid("'" + std::string(topic) +
                             "' is no command: it takes $q/$settle/<q-delivery>/ and ack, retry, "
                             "release, reject or extend");
  command.delivery_name = name;
  command.delivery = *delivery;
  if (payload.empty()) return command;
  if (command.settlement.outcome == Outcome::reject) {
    if (payload.size() > kMaxReasonBytes || !protocol::valid_utf8(payload))
      return unfit("a reason is UTF-8 text of at most 1024 bytes");
    command.settlement.reason = payload;
  } else if (command.extend || command.settlement.outcome == Outcome::retry) {
    command.settlement.delay = dispatch::parse_duration(payload);
    if (!command.settlement.delay || *command.settlement.delay > kLongest)
      return unfit("the payload takes a duration of at most 1d, like 30s");
  }
  return command;
}

}  // namespace proxy
