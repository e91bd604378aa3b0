#include "proxy/acl.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "proxy/config.h"

using proxy::Acl;
using proxy::Action;
using proxy::matches_pattern;

namespace {

Acl acl_of(std::string_view toml) {
  proxy::ServeConfig config;
  const auto parsed = proxy::parse_config(toml, "acl.toml", config);
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().text));
  return std::move(config.acl);
}

struct Question {
  const char* user;
  const char* client_id;
  const char* queue;
  Action action;
  bool allowed;
};

void check(const Acl& acl, std::initializer_list<Question> questions) {
  for (const Question& q : questions) {
    CAPTURE(q.user);
    CAPTURE(q.client_id);
    CAPTURE(q.queue);
    CAPTURE(static_cast<int>(q.action));
    CHECK(acl.allows({q.user, q.client_id}, q.queue, q.action) == q.allowed);
  }
}

constexpr auto kProduce = Action::produce;
constexpr auto kConsume = Action::consume;

}  // namespace

TEST_CASE("a pattern's star stands for any number of characters") {
  const std::pair<const char*, const char*> kMatches[] = {{"", ""},
                                                          {"a", "a"},
                                                          {"*", ""},
                                                          {"*", "abc"},
                                                          {"**", "abc"},
                                                          {"a*", "a"},
                                                          {"a*", "abc"},
                                                          {"*c", "abc"},
                                                          {"a*c", "ac"},
                                                          {"a*c", "abcbc"},
                                                          {"a*b*c", "a/b-bc"},
                                                          {"*ab", "aab"},
                                                          {"*a*b*", "xxaxxbxx"},
                                                          {"jobs.*", "jobs."}};
  for (const auto& [pattern, text] : kMatches) {
    CAPTURE(pattern);
    CAPTURE(text);
    CHECK(matches_pattern(pattern, text));
  }
  const std::pair<const char*, const char*> kOthers[] = {
      {"", "a"},       {"a", ""},        {"a", "A"}, {"a", "ab"},       {"a*", "ba"}, {"*c", "cd"},
      {"a*c", "abcd"}, {"a*b*c", "acb"}, {"?", "a"}, {"*a*b*", "bbaa"}, {"+", "a"}};
  for (const auto& [pattern, text] : kOthers) {
    CAPTURE(pattern);
    CAPTURE(text);
    CHECK_FALSE(matches_pattern(pattern, text));
  }
}

TEST_CASE("a pattern with many stars ends soon on a text that nearly matches") {
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "a*";
  CHECK_FALSE(matches_pattern(pattern + "b", std::string(60'000, 'a')));
}

TEST_CASE("without rules everybody may do everything") {
  CHECK(Acl{}.empty());
  check(Acl{}, {{"", "", "any", kProduce, true}, {"u", "c", "any", kConsume, true}});
}

TEST_CASE("the first rule that says something of client, queue and action decides") {
  const Acl acl = acl_of(R"(
[[acl]]
users  = ["worker-*", "boss"]
queues = ["jobs", "jobs.*"]
allow  = ["consume"]

[[acl]]
client_ids = ["gate-*"]
queues     = ["jobs"]
allow      = ["produce"]
deny       = ["consume"]

[[acl]]
users      = ["mixed"]
client_ids = ["m1"]
allow      = ["produce", "consume"]

[[acl]]
queues = ["jobs*"]
deny   = ["produce", "consume"]

[[acl]]
users = ["*"]
deny  = "produce"
)");
  check(acl, {
                 {"worker-1", "c", "jobs", kConsume, true},
                 {"boss", "c", "jobs.eu", kConsume, true},
                 {"worker-1", "c", "jobs", kProduce, false},  // says nothing of producing: rule 4
                 {"worker-1", "c", "jobs2", kConsume, false},
                 {"", "gate-7", "jobs", kProduce, true},
                 {"", "gate-7", "jobs", kConsume, false},
                 {"boss", "gate-7", "jobs", kConsume, true},  // the first of two
                 {"", "gate-7", "jobs.eu", kProduce, false},
                 {"mixed", "m1", "jobs", kProduce, true},
                 {"mixed", "m2", "jobs", kProduce, false},  // both lists must fit
                 {"else", "m1", "jobs", kConsume, false},
                 {"else", "x", "lights", kProduce, false},
                 {"", "x", "lights", kProduce, false},     // `*` fits no name as well
                 {"else", "x", "lights", kConsume, true},  // no rule: allowed
             });
}

TEST_CASE("a client without a user name can be meant alone") {
  const Acl acl = acl_of("[[acl]]\nusers = [\"\"]\ndeny = [\"produce\"]\n");
  check(acl, {{"", "c", "q", kProduce, false}, {"u", "c", "q", kProduce, true}});
}

TEST_CASE("a queue whose name is not known yet: the client must have the right to any") {
  const auto any = [](std::string_view rules, std::string_view user) {
    return acl_of(rules).allows_any({user, "c"}, Action::consume);
  };
  CHECK(any("", "u"));
  CHECK(any("[[acl]]\nallow = [\"consume\"]\n[[acl]]\ndeny = [\"consume\"]\n", "u"));
  CHECK(
      any("[[acl]]\nqueues = [\"a\", \"**\"]\nallow = [\"consume\"]\n"
          "[[acl]]\ndeny = [\"consume\"]\n",
          "u"));
  // What one rule allows of some queues doesn't help against one that denies others.
  CHECK_FALSE(
      any("[[acl]]\nqueues = [\"a*\"]\nallow = [\"consume\"]\n"
          "[[acl]]\ndeny = [\"consume\"]\n",
          "u"));
  CHECK_FALSE(any("[[acl]]\nqueues = [\"secret\"]\ndeny = [\"consume\"]\n", "u"));
  CHECK(any("[[acl]]\nusers = [\"v\"]\ndeny = [\"consume\"]\n", "u"));
  CHECK(any("[[acl]]\ndeny = [\"produce\"]\n", "u"));
}
