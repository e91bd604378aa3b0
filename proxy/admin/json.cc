#include "proxy/admin/json.h"

#include <cmath>
#include <optional>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "proxy/option_value.h"

namespace admin {
namespace {

namespace json = boost::json;
using dispatch::QueueOptions;
using dispatch::Result;
using proxy::OptionValue;

json::value to_value(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return json::string(*text);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  json::array words;
  for (const std::string& word : std::get<std::vector<std::string>>(value))
    words.emplace_back(json::string(word));
  return words;
}

// Rates are shown with one digit behind the point.
double rounded(double rate) { return std::round(rate * 10) / 10; }

std::string to_string(const json::string& text) { return std::string(text.data(), text.size()); }

std::optional<OptionValue> from_value(const json::value& value) {
  if (const auto* text = value.if_string()) return to_string(*text);
  if (const auto* number = value.if_int64()) return *number;
  if (const auto* flag = value.if_bool()) return *flag;
  const auto* list = value.if_array();
  if (list == nullptr) return std::nullopt;
  std::vector<std::string> words;
  for (const json::value& element : *list) {
    if (!element.is_string()) return std::nullopt;
    words.push_back(to_string(element.get_string()));
  }
  return words;
}

Result<void> set_field(QueueOptions& options, std::string_view name, const json::value& value) {
  if (auto known = proxy::check_option_known(name); !known) return known;
  const std::optional<OptionValue> typed = from_value(value);
  if (!typed)
    return dispatch::invalid("option '" + std::string(name) +
                             "': takes a string, a whole number, true or false, or a list of "
                             "strings");
  return proxy::set_option_value(options, name, *typed);
}

}  // namespace

json::object to_json(const QueueOptions& options) {
  json::object object;
  for (const auto& [name, value] : proxy::option_values(options)) object[name] = to_value(value);
  return object;
}

json::object to_json(const dispatch::GroupStats& stats) {
  json::object object;
  object["name"] = stats.name;
  object["ready"] = stats.ready;
  object["in_flight"] = stats.in_flight;
  object["delayed"] = stats.delayed;
  object["consumers"] = stats.consumers;
  object["next_offset"] = stats.next.value;
  object["acked_total"] = stats.ended[dispatch::index_of(dispatch::End::acked)];
  return object;
}

namespace {

void put_counts(json::object& object, const QueueInfo& info) {
  const dispatch::QueueStats& stats = info.stats;
  object["ready"] = stats.ready;
  object["in_flight"] = stats.in_flight;
  object["delayed"] = stats.delayed;
  object["dead"] = stats.dead;
  object["kept"] = stats.kept;
  object["bytes"] = stats.bytes;
  object["consumers"] = stats.consumers;
  object["oldest_age_ms"] = stats.oldest_age_ms;
  object["in_rate"] = info.rates ? json::value(rounded(info.rates->in)) : json::value(nullptr);
  object["out_rate"] = info.rates ? json::value(rounded(info.rates->out)) : json::value(nullptr);
  object["stored_total"] = stats.stored_total;
  object["acked_total"] = stats.ended_as(dispatch::End::acked);
  object["redelivered_total"] = stats.redelivered_total;
  object["superseded_total"] = stats.ended_as(dispatch::End::superseded);
  object["dead_total"] = stats.ended_as(dispatch::End::dead);
  object["purged_total"] = stats.ended_as(dispatch::End::purged);
  object["lost_total"] = stats.ended_as(dispatch::End::lost);
  object["expired_total"] = stats.ended_as(dispatch::End::expired);
  object["retired_total"] = stats.ended_as(dispatch::End::retired);
  object["dropped_total"] = stats.ended_as(dispatch::End::dropped);
  object["redriven_total"] = stats.redriven_total;
  object["refused_total"] = stats.refused_total;
  json::array groups;
  for (const dispatch::GroupStats& group : stats.groups) groups.push_back(to_json(group));
  object["groups"] = std::move(groups);
}

}  // namespace

json::object to_json(const QueueInfo& info) {
  const dispatch::QueueStats& stats = info.stats;
  json::object object = to_json(stats.options);
  if (!stats.topic.empty())
    object["topic"] = stats.topic;
  else if (stats.options.per_topic)
    object["mailboxes"] = stats.mailboxes;
  put_counts(object, info);
  return object;
}

json::object mailbox_json(const QueueInfo& info) {
  json::object object;
  object["name"] = info.stats.options.name;
  object["topic"] = info.stats.topic;
  put_counts(object, info);
  return object;
}

json::object to_json(const ConsumerInfo& info) {
  const dispatch::ConsumerView& view = info.view;
  json::object object;
  object["client_id"] = info.client_id;
  object["queue"] = view.queue;
  object["dead"] = view.dead;
  object["group"] = view.group;
  object["in_flight"] = view.in_flight;
  object["credit"] = view.credit;
  object["paused_ms"] = view.paused_ms;
  object["idle_ms"] = info.idle_ms;
  return object;
}

json::object to_json(const Health& health) {
  json::object object;
  object["status"] = health.ok ? "ok" : "failing";
  object["journal"] = health.journal;
  object["upstream"] = health.upstream;
  return object;
}

json::object error_json(std::string_view kind, std::string_view message) {
  json::object inner;
  inner["kind"] = json::string_view(kind.data(), kind.size());
  inner["message"] = json::string_view(message.data(), message.size());
  json::object object;
  object["error"] = std::move(inner);
  return object;
}

Result<QueueOptions> queue_options_from_json(std::string_view body) {
  json::error_code failed;
  const json::value parsed = json::parse({body.data(), body.size()}, failed);
  if (failed) return dispatch::invalid("the body is not JSON: " + failed.message());
  const auto* object = parsed.if_object();
  if (object == nullptr)
    return dispatch::invalid("the body must be a JSON object with the queue's options");
  QueueOptions options;
  for (const auto& [key, value] : *object)
    if (auto set = set_field(options, {key.data(), key.size()}, value); !set) return set.error();
  for (const std::string_view needed : {"name", "filter"})
    if (!object->contains({needed.data(), needed.size()}))
      return dispatch::invalid("the body has no '" + std::string(needed) + "'");
  if (auto checked = dispatch::check_options(options); !checked) return checked.error();
  return options;
}

Result<QueueOptions> changed_options(const QueueOptions& from, const json::object& changes) {
  if (changes.empty()) return dispatch::invalid("the body changes nothing: it has no option");
  QueueOptions options = from;
  for (const auto& [key, value] : changes)
    if (auto set = set_field(options, {key.data(), key.size()}, value); !set) return set.error();
  if (options.name != from.name)
    return dispatch::invalid("queue '" + from.name +
                             "': name can't be changed; delete it and create it again");
  if (auto checked = dispatch::check_options(options); !checked) return checked.error();
  return options;
}

}  // namespace admin
