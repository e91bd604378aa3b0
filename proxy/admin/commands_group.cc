#include "proxy/admin/commands_group.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "proxy/admin/format.h"

namespace admin {
namespace {

namespace json = boost::json;
using boost::beast::http::verb;

std::string groups_target(const std::string& queue) { return queue_target(queue) + "/groups"; }

std::string group_target(const std::string& queue, const std::string& group) {
  return groups_target(queue) + "/" + percent_encoded(group);
}

// "group audit of queue images"
std::string title(const std::string& queue, const std::string& group) {
  return "group " + group + " of queue " + queue;
}

std::string begins(const json::object& group) {
  return ", it goes on at offset " + std::to_string(number_in(group, "next_offset")) + " with " +
         counted(number_in(group, "ready"), "message") + " ready\n";
}

std::string route_words(const std::string& topic, const json::object& route) {
  std::string words;
  const auto* queues = route.if_contains("queues");
  if (queues != nullptr && queues->is_array())
    for (const json::value& queue : queues->get_array())
      if (const auto* object = queue.if_object())
        words += "queue " + field_words(*object, "name") + " (" + field_words(*object, "filter") +
                 ", " + field_words(*object, "mode") + ")\n";
  if (words.empty()) words = "no queue stores " + topic + "\n";
  return words + (flag_in(route, "forwarded") ? "forwarded to the broker\n"
                                              : "not forwarded to the broker\n");
}

}  // namespace

int list_groups(Client& client, const std::string& queue, const ListThings& what, Answers answers,
                Output output) {
  const auto columns = choose_columns(group_columns(), what.columns);
  if (!columns) return fail(output, columns.error().text, kBadArguments);
  const Listed listed = list_all(client, groups_target(queue), "groups", what.limit, output);
  if (listed.code != kOk) return listed.code;
  return say(answers, output, listed.elements, table(*columns, listed.elements, what.headers));
}

int create_group(Client& client, const std::string& queue, const std::string& group,
                 const std::string& from, Answers answers, Output output) {
  const json::object body{{"name", group}, {"from", from}};
  return exchange(
      client, verb::post, groups_target(queue), json::serialize(body), answers, output,
      [&](const json::object& made) { return "created " + title(queue, group) + begins(made); });
}

int seek_group(Client& client, const std::string& queue, const std::string& group,
               const std::string& from, Answers answers, Output output) {
  const json::object body{{"from", from}};
  return exchange(client, verb::post, group_target(queue, group) + "/seek", json::serialize(body),
                  answers, output, [&](const json::object& moved) {
                    return "moved " + title(queue, group) + begins(moved);
                  });
}

int delete_group(Client& client, const std::string& queue, const std::string& group,
                 Answers answers, Output output) {
  return exchange(client, verb::delete_, group_target(queue, group), {}, answers, output,
                  [&](const json::object&) { return "deleted " + title(queue, group) + "\n"; });
}

int set_paused(Client& client, const std::string& queue, Sides sides, bool paused, Answers answers,
               Output output) {
  json::object body;
  if (sides.producing) body["pause_producing"] = paused;
  if (sides.consuming) body["pause_consuming"] = paused;
  const std::string which = sides.producing && sides.consuming ? "producing and consuming"
                            : sides.producing                  ? "producing"
                                                               : "consuming";
  return exchange(client, verb::patch, queue_target(queue), json::serialize(body), answers, output,
                  [&](const json::object&) {
                    return (paused ? "paused " : "resumed ") + which + " of queue " + queue + "\n";
                  });
}

int check_topic(Client& client, const std::string& topic, Answers answers, Output output) {
  return exchange(client, verb::get, "/api/v1/route?topic=" + percent_encoded(topic), {}, answers,
                  output, [&](const json::object& route) { return route_words(topic, route); });
}

}  // namespace admin
