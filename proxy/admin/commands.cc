#include "proxy/admin/commands.h"

#include <algorithm>
#include <ostream>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "proxy/admin/format.h"
#include "proxy/admin/json.h"
#include "proxy/printable.h"

namespace admin {
namespace {

namespace json = boost::json;
using boost::beast::http::verb;
using Answer = Client::Answer;

// The options that were given.
std::string body_of(const dispatch::QueueOptions& options, const std::vector<std::string>& given) {
  json::object body;
  for (const auto& [key, value] : to_json(options))
    if (std::find(given.begin(), given.end(), std::string(key.data(), key.size())) != given.end())
      body[key] = value;
  return json::serialize(body);
}

// True if the queue that is there has every option that we would have given it.
bool same_definition(const CreateQueue& what, const json::value& there) {
  const auto* queue = there.if_object();
  if (queue == nullptr) return false;
  const json::object wanted = to_json(what.options);
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& option) {
    const auto* value = queue->if_contains(option.key());
    return value != nullptr && json::serialize(*value) == json::serialize(option.value());
  });
}

int already_there(Client& client, const CreateQueue& what, Answers answers, Output output,
                  const Answer& conflict) {
  const auto there = client.request(verb::get, queue_target(what.options.name));
  if (!there) return fail(output, there.error().text);
  if (!there->ok()) return refused(output, conflict);  // its filter is another queue's
  const std::string& name = what.options.name;
  if (!same_definition(what, there->body))
    return fail(output, "queue '" + name +
                            "' is there with another definition; `sluice queue show " + name +
                            "` says which");
  return say(answers, output, there->body, "queue " + name + " is there already\n");
}

std::string deleted_words(const std::string& name, const json::object& body) {
  std::string words = "deleted queue " + name;
  const std::uint64_t messages = number_in(body, "deleted_messages");
  const std::uint64_t dead = number_in(body, "deleted_dead");
  if (messages > 0) words += " with " + counted(messages, "message");
  if (dead > 0) words += (messages > 0 ? " and " : " with ") + counted(dead, "dead letter");
  return words + "\n";
}

std::string names_of(const json::array& queues) {
  std::string names;
  for (const json::value& queue : queues) {
    const auto* object = queue.if_object();
    const auto* name = object != nullptr ? object->if_contains("name") : nullptr;
    if (name == nullptr || !name->is_string()) continue;
    names.append(name->get_string().data(), name->get_string().size());
    names += '\n';
  }
  return names;
}

}  // namespace

int create_queue(Client& client, const CreateQueue& what, Answers answers, Output output) {
  const auto answer =
      client.request(verb::post, "/api/v1/queues", body_of(what.options, what.given));
  if (!answer) return fail(output, answer.error().text);
  if (answer->ok())
    return say(answers, output, answer->body, "created queue " + what.options.name + "\n");
  if (what.idempotent && answer->error_kind() == "exists")
    return already_there(client, what, answers, output, *answer);
  return refused(output, *answer);
}

int update_queue(Client& client, const UpdateQueue& what, Answers answers, Output output) {
  const std::string& name = what.options.name;
  return exchange(client, verb::patch, queue_target(name), body_of(what.options, what.given),
                  answers, output,
                  [&](const json::object&) { return "updated queue " + name + "\n"; });
}

int list_queues(Client& client, const ListThings& what, Answers answers, Output output) {
  const auto columns = choose_columns(queue_columns(), what.columns);
  if (!columns) return fail(output, columns.error().text, kBadArguments);
  const Listed listed = list_all(client, "/api/v1/queues", "queues", what.limit, output);
  if (listed.code != kOk) return listed.code;
  return say(
      answers, output, listed.elements,
      what.names ? names_of(listed.elements) : table(*columns, listed.elements, what.headers));
}

int list_mailboxes(Client& client, const std::string& queue, const ListThings& what,
                   Answers answers, Output output) {
  const auto columns = choose_columns(mailbox_columns(), what.columns);
  if (!columns) return fail(output, columns.error().text, kBadArguments);
  const Listed listed =
      list_all(client, queue_target(queue) + "/mailboxes", "mailboxes", what.limit, output);
  if (listed.code != kOk) return listed.code;
  return say(
      answers, output, listed.elements,
      what.names ? names_of(listed.elements) : table(*columns, listed.elements, what.headers));
}

int list_consumers(Client& client, const std::string& queue, const ListThings& what,
                   Answers answers, Output output) {
  const auto columns = choose_columns(consumer_columns(), what.columns);
  if (!columns) return fail(output, columns.error().text, kBadArguments);
  const std::string target =
      "/api/v1/consumers" + (queue.empty() ? "" : "?queue=" + percent_encoded(queue));
  const Listed listed = list_all(client, target, "consumers", what.limit, output);
  if (listed.code != kOk) return listed.code;
  return say(answers, output, listed.elements, table(*columns, listed.elements, what.headers));
}

int show_queue(Client& client, const std::string& name, Answers answers, Output output) {
  const auto answer = client.request(verb::get, queue_target(name));
  if (!answer) return fail(output, answer.error().text);
  if (!answer->ok()) return refused(output, *answer);
  return say(answers, output, answer->body, details(answer->body.get_object()));
}

int delete_queue(Client& client, const DeleteQueue& what, Answers answers, Output output) {
  const std::string target = queue_target(what.name) + (what.force ? "?force=true" : "");
  const auto answer = client.request(verb::delete_, target);
  if (!answer) return fail(output, answer.error().text);
  if (answer->ok())
    return say(answers, output, answer->body, deleted_words(what.name, answer->body.get_object()));
  if (what.idempotent && answer->error_kind() == "not_found") {
    json::object nothing;
    nothing["name"] = what.name;
    nothing["deleted_messages"] = 0;
    nothing["deleted_dead"] = 0;
    return say(answers, output, nothing, "there is no queue " + what.name + "\n");
  }
  if (answer->error_kind() == "not_empty")
    return fail(output, answer->error_message() + " (--force)");
  return refused(output, *answer);
}

}  // namespace admin
