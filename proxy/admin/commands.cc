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

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kBadArguments = 2;

int fail(Output output, const std::string& what, int code = kFailed) {
  output.err << "sluice: " << proxy::printable(what) << "\n";
  return code;
}

// A refusal in the server's words.
int refused(Output output, const Answer& answer) {
  const std::string message = answer.error_message();
  if (message.empty())
    return fail(output, "the server answered HTTP " + std::to_string(answer.status));
  return fail(output, message, answer.error_kind() == "invalid" ? kBadArguments : kFailed);
}

int say(Answers answers, Output output, const json::value& body, const std::string& words) {
  if (answers.json)
    output.out << json::serialize(body) << "\n";
  else if (!answers.quiet)
    output.out << words;
  return kOk;
}

std::string body_of(const CreateQueue& what) {
  json::object body;
  for (const auto& [key, value] : to_json(what.options)) {
    const std::string name(key.data(), key.size());
    if (name == "name" || name == "filter" ||
        std::find(what.given.begin(), what.given.end(), name) != what.given.end())
      body[key] = value;
  }
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

std::string deleted_words(const std::string& name, const json::value& body) {
  const auto* object = body.if_object();
  const auto* count = object != nullptr ? object->if_contains("deleted_messages") : nullptr;
  const std::string messages = count == nullptr ? "0" : json::serialize(*count);
  if (messages == "0") return "deleted queue " + name + "\n";
  return "deleted queue " + name + " with " + messages +
         (messages == "1" ? " message\n" : " messages\n");
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
  const auto answer = client.request(verb::post, "/api/v1/queues", body_of(what));
  if (!answer) return fail(output, answer.error().text);
  if (answer->ok())
    return say(answers, output, answer->body, "created queue " + what.options.name + "\n");
  if (what.idempotent && answer->error_kind() == "exists")
    return already_there(client, what, answers, output, *answer);
  return refused(output, *answer);
}

int list_queues(Client& client, const ListQueues& what, Answers answers, Output output) {
  const auto answer = client.request(verb::get, "/api/v1/queues");
  if (!answer) return fail(output, answer.error().text);
  if (!answer->ok()) return refused(output, *answer);
  const auto* queues = answer->body.get_object().if_contains("queues");
  if (queues == nullptr || !queues->is_array())
    return fail(output, "the server's answer has no list of queues: that is no Sluice");
  const json::array& list = queues->get_array();
  return say(answers, output, *queues,
             what.names ? names_of(list) : queue_table(list, what.headers));
}

int show_queue(Client& client, const std::string& name, Answers answers, Output output) {
  const auto answer = client.request(verb::get, queue_target(name));
  if (!answer) return fail(output, answer.error().text);
  if (!answer->ok()) return refused(output, *answer);
  return say(answers, output, answer->body, queue_details(answer->body.get_object()));
}

int delete_queue(Client& client, const DeleteQueue& what, Answers answers, Output output) {
  const std::string target = queue_target(what.name) + (what.force ? "?force=true" : "");
  const auto answer = client.request(verb::delete_, target);
  if (!answer) return fail(output, answer.error().text);
  if (answer->ok())
    return say(answers, output, answer->body, deleted_words(what.name, answer->body));
  if (what.idempotent && answer->error_kind() == "not_found") {
    json::object nothing;
    nothing["name"] = what.name;
    nothing["deleted_messages"] = 0;
    return say(answers, output, nothing, "there is no queue " + what.name + "\n");
  }
  if (answer->error_kind() == "not_empty")
    return fail(output, answer->error_message() + " (--force)");
  return refused(output, *answer);
}

}  // namespace admin
