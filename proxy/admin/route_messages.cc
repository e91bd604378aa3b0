#include "proxy/admin/route_messages.h"

#include <charconv>
#include <utility>

#include <boost/json/array.hpp>

#include "proxy/admin/json_message.h"

namespace admin {
namespace {

using boost::beast::http::status;
using dispatch::Offset;
using dispatch::Result;

constexpr std::uint64_t kMessagesOfAPage = 100;
constexpr std::uint64_t kMostOfAPage = 1000;
constexpr std::uint64_t kPayloadOfAList = 256;
// An answer is built in memory, and JSON doubles it at worst.
constexpr std::uint64_t kMostPayload = 16u << 20;
constexpr std::uint64_t kLastOffset = 0xFFFF'FFFF'FFFF'FFFF;
constexpr std::size_t kMostOffsets = 10'000;

struct ListParams {
  Browse browse;
  std::uint64_t payload_bytes = 0;
};

Result<ListParams> list_params(const Call& call, Part part) {
  if (auto known = check_params(call, {"from", "limit", "cursor", "payload_bytes"}); !known)
    return known.error();
  const auto from = number_param(call, "from", 1, {1, kLastOffset});
  if (!from) return from.error();
  const auto limit = number_param(call, "limit", kMessagesOfAPage, {1, kMostOfAPage});
  if (!limit) return limit.error();
  const auto cursor = number_cursor_param(call, CursorKind::messages);
  if (!cursor) return cursor.error();
  const auto payload = number_param(call, "payload_bytes", kPayloadOfAList, {0, kMostPayload});
  if (!payload) return payload.error();
  ListParams params;
  params.browse.queue = call.queue();
  params.browse.part = part;
  params.browse.from = Offset{std::max(*from, *cursor)};
  params.browse.limit = static_cast<std::uint32_t>(*limit);
  params.payload_bytes = *payload;
  return params;
}

void list(const Call& call, Part part, const Done& done) {
  const auto params = list_params(call, part);
  if (!params) return done(error_reply(params.error()));
  if (!call.api.queue(call.queue())) return done(no_such_queue(call.queue()));
  call.api.browse(params->browse, [done, part, payload_bytes = params->payload_bytes](
                                      const Result<MessagePage>& page) {
    if (!page) return done(error_reply(page.error()));
    boost::json::array messages;
    messages.reserve(page->messages.size());
    for (const MessageInfo& info : page->messages)
      messages.push_back(to_json(info, page->now, payload_bytes));
    boost::json::object body;
    body[part == Part::messages ? "messages" : "dead"] = std::move(messages);
    if (page->next)
      body["next_cursor"] = make_cursor(CursorKind::messages, std::to_string(page->next->value));
    done(json_reply(body));
  });
}

Result<Offset> offset_of(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number == 0)
    return dispatch::invalid("'" + text + "' is no offset: takes a number from 1");
  return Offset{number};
}

void show(const Call& call, Part part, const Done& done) {
  if (auto known = check_params(call, {"payload_bytes"}); !known)
    return done(error_reply(known.error()));
  const auto payload = number_param(call, "payload_bytes", kMostPayload, {0, kMostPayload});
  if (!payload) return done(error_reply(payload.error()));
  const auto offset = offset_of(call.path.back());
  if (!offset) return done(error_reply(offset.error()));
  const std::string& name = call.queue();
  if (!call.api.queue(name)) return done(no_such_queue(name));
  call.api.browse({name, part, *offset, 1}, [done, part, name, offset = *offset,
                                             payload = *payload](const Result<MessagePage>& page) {
    if (!page) return done(error_reply(page.error()));
    if (page->messages.empty() || page->messages.front().offset != offset)
      return done(error_reply(
          status::not_found, "not_found",
          "queue '" + name + "' has no " + (part == Part::messages ? "message" : "dead letter") +
              " with offset " + std::to_string(offset.value) + " that is not settled"));
    done(json_reply(to_json(page->messages.front(), page->now, payload)));
  });
}

// Answers with how many it were, under `field`.
Api::Counted counted(const Call& call, const char* field, const Done& done) {
  return [done, field, name = call.queue()](const Result<std::uint64_t>& count) {
    if (!count) return done(error_reply(count.error()));
    boost::json::object body;
    body["name"] = name;
    body[field] = *count;
    done(json_reply(body));
  };
}

void purge(const Call& call, Part part, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  if (!call.api.queue(call.queue())) return done(no_such_queue(call.queue()));
  call.api.purge(call.queue(), part, counted(call, "purged", done));
}

// {"all":true} or {"offsets":[1,2]}: nothing at all is more likely a mistake than a wish.
Result<std::vector<Offset>> offsets_to_redrive(const boost::json::object& body) {
  const dispatch::Error wrong = dispatch::invalid(
      R"(the body takes {"all":true}, or {"offsets":[...]} with 1..10000 offsets)");
  if (auto known = check_fields(body, {"all", "offsets"}); !known) return known.error();
  const auto* all = body.if_contains("all");
  const auto* listed = body.if_contains("offsets");
  if ((all == nullptr) == (listed == nullptr)) return wrong;
  std::vector<Offset> offsets;
  if (all != nullptr) {
    if (!all->is_bool() || !all->get_bool()) return wrong;
    return offsets;
  }
  const auto* list = listed->if_array();
  if (list == nullptr || list->empty() || list->size() > kMostOffsets) return wrong;
  offsets.reserve(list->size());
  for (const auto& value : *list) {
    boost::json::error_code failed;
    const auto number = value.to_number<std::uint64_t>(failed);
    if (failed || number == 0) return wrong;
    offsets.push_back(Offset{number});
  }
  return offsets;
}

}  // namespace

void list_messages(const Call& call, const Done& done) { list(call, Part::messages, done); }
void show_message(const Call& call, const Done& done) { show(call, Part::messages, done); }
void purge_messages(const Call& call, const Done& done) { purge(call, Part::messages, done); }
void list_dead(const Call& call, const Done& done) { list(call, Part::dead_letters, done); }
void show_dead(const Call& call, const Done& done) { show(call, Part::dead_letters, done); }
void purge_dead(const Call& call, const Done& done) { purge(call, Part::dead_letters, done); }

void redrive_dead(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  if (!has_json_body(call)) return done(unsupported_media_type());
  const auto body = object_body(call);
  if (!body) return done(error_reply(body.error()));
  const auto offsets = offsets_to_redrive(*body);
  if (!offsets) return done(error_reply(offsets.error()));
  if (!call.api.queue(call.queue())) return done(no_such_queue(call.queue()));
  call.api.redrive(call.queue(), *offsets, counted(call, "redriven", done));
}

}  // namespace admin
