#include "proxy/admin/command_parts.h"

#include <algorithm>
#include <ostream>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "proxy/printable.h"

namespace admin {
namespace {

namespace json = boost::json;
using boost::beast::http::verb;

// Of one page, in the order of what a server takes for a list of queues.
constexpr std::uint64_t kPage = 1000;

const json::value* field_of(const json::object& object, std::string_view field) {
  return object.if_contains({field.data(), field.size()});
}

}  // namespace

int fail(Output output, const std::string& what, int code) {
  output.err << "sluice: " << proxy::printable(what) << "\n";
  return code;
}

int refused(Output output, const Client::Answer& answer) {
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

std::string counted(std::uint64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

int exchange(Client& client, verb method, std::string_view target, std::string_view body,
             Answers answers, Output output, const Words& words) {
  const auto answer = client.request(method, target, body);
  if (!answer) return fail(output, answer.error().text);
  if (!answer->ok()) return refused(output, *answer);
  return say(answers, output, answer->body, words(answer->body.get_object()));
}

Listed list_all(Client& client, const std::string& target, std::string_view field,
                std::uint64_t limit, Output output) {
  Listed listed;
  const std::string joint = target.find('?') == std::string::npos ? "?" : "&";
  std::string cursor;
  do {
    const std::uint64_t wanted = std::min(kPage, limit - listed.elements.size());
    const auto answer =
        client.request(verb::get, target + joint + "limit=" + std::to_string(wanted) +
                                      (cursor.empty() ? "" : "&cursor=" + cursor));
    if (!answer) {
      listed.code = fail(output, answer.error().text);
      return listed;
    }
    if (!answer->ok()) {
      listed.code = refused(output, *answer);
      return listed;
    }
    const json::object& body = answer->body.get_object();
    const json::value* page = field_of(body, field);
    if (page == nullptr || !page->is_array()) {
      listed.code = fail(output, "the server's answer has no list of " + std::string(field) +
                                     ": that is no Sluice");
      return listed;
    }
    for (const json::value& element : page->get_array()) listed.elements.push_back(element);
    cursor = text_in(body, "next_cursor");
  } while (!cursor.empty() && listed.elements.size() < limit);
  listed.more = !cursor.empty();
  return listed;
}

std::uint64_t number_in(const json::object& object, std::string_view field) {
  const json::value* value = field_of(object, field);
  json::error_code not_a_number;
  return value == nullptr ? 0 : value->to_number<std::uint64_t>(not_a_number);
}

std::string text_in(const json::object& object, std::string_view field) {
  const json::value* value = field_of(object, field);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : std::string(text->data(), text->size());
}

bool flag_in(const json::object& object, std::string_view field) {
  const json::value* value = field_of(object, field);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace admin
