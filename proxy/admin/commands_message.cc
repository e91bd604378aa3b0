#include "proxy/admin/commands_message.h"

#include <ostream>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "proxy/admin/base64.h"
#include "proxy/admin/format.h"

namespace admin {
namespace {

namespace json = boost::json;
using boost::beast::http::verb;

std::string messages_target(const WhichMessages& which) {
  return queue_target(which.queue) + (which.dead ? "/dead" : "/messages");
}

int write_payload(Output output, const json::object& message) {
  if (flag_in(message, "payload_truncated"))
    return fail(output, "the payload has " + std::to_string(number_in(message, "payload_bytes")) +
                            " bytes, more than the HTTP API gives; consume it instead");
  const std::string text = text_in(message, "payload");
  if (text_in(message, "payload_encoding") == "text") {
    output.out << text;
    return kOk;
  }
  const auto bytes = from_base64(text);
  if (!bytes) return fail(output, "the server's answer has a payload that is no base64");
  output.out << *bytes;
  return kOk;
}

// What a command would do, from the counters.
int would(Client& client, const std::string& queue, const std::string& verb_words, bool dead,
          Answers answers, Output output) {
  return exchange(
      client, verb::get, queue_target(queue), {}, answers, output, [&](const json::object& shown) {
        const std::uint64_t count = dead ? number_in(shown, "dead")
                                         : number_in(shown, "ready") + number_in(shown, "delayed");
        return "would " + verb_words + " " + counted(count, dead ? "dead letter" : "message") +
               " of queue " + queue + "\n";
      });
}

}  // namespace

int list_messages(Client& client, const WhichMessages& which, const ListThings& what,
                  Answers answers, Output output) {
  const auto columns =
      choose_columns(which.dead ? dead_columns() : message_columns(), what.columns);
  if (!columns) return fail(output, columns.error().text, kBadArguments);
  const Listed listed =
      list_all(client, messages_target(which) + "?from=" + std::to_string(which.from),
               which.dead ? "dead" : "messages", what.limit, output);
  if (listed.code != kOk) return listed.code;
  return say(answers, output, listed.elements, table(*columns, listed.elements, what.headers));
}

int show_message(Client& client, const WhichMessages& which, bool payload, Answers answers,
                 Output output) {
  const auto answer =
      client.request(verb::get, messages_target(which) + "/" + std::to_string(which.from));
  if (!answer) return fail(output, answer.error().text);
  if (!answer->ok()) return refused(output, *answer);
  const json::object& message = answer->body.get_object();
  if (payload) return write_payload(output, message);
  return say(answers, output, answer->body, details(message));
}

int purge(Client& client, const std::string& queue, bool dead, bool dry_run, Answers answers,
          Output output) {
  if (dry_run) return would(client, queue, "purge", dead, answers, output);
  return exchange(client, verb::post, queue_target(queue) + (dead ? "/dead/purge" : "/purge"), {},
                  answers, output, [&](const json::object& done) {
                    return "purged " +
                           counted(number_in(done, "purged"), dead ? "dead letter" : "message") +
                           " of queue " + queue + "\n";
                  });
}

int redrive(Client& client, const std::string& queue, const std::vector<std::uint64_t>& offsets,
            bool dry_run, Answers answers, Output output) {
  if (dry_run) return would(client, queue, "redrive", true, answers, output);
  json::object body;
  if (offsets.empty())
    body["all"] = true;
  else
    body["offsets"] = json::array(offsets.begin(), offsets.end());
  return exchange(client, verb::post, queue_target(queue) + "/dead/redrive", json::serialize(body),
                  answers, output, [&](const json::object& done) {
                    return "redrove " + counted(number_in(done, "redriven"), "dead letter") +
                           " of queue " + queue + "\n";
                  });
}

}  // namespace admin
