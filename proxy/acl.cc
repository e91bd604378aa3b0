#include "proxy/acl.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/nearest.h"

namespace proxy {
namespace {

using dispatch::Result;

constexpr std::array<std::string_view, 5> kKeys = {"users", "client_ids", "queues", "allow",
                                                   "deny"};
constexpr std::string_view kActions = "takes a list of 'produce' and 'consume'";

bool any_matches(const std::vector<std::string>& patterns, std::string_view text) {
  return patterns.empty() || std::ranges::any_of(patterns, [text](const auto& pattern) {
           return matches_pattern(pattern, text);
         });
}

bool is_about(const AclRule& rule, const Who& who) {
  return any_matches(rule.users, who.user) && any_matches(rule.client_ids, who.client_id);
}

const std::optional<bool>& verdict_of(const AclRule& rule, Action action) {
  return action == Action::produce ? rule.produce : rule.consume;
}

bool names_every_queue(const AclRule& rule) {
  return rule.queues.empty() || std::ranges::any_of(rule.queues, [](std::string_view pattern) {
           return !pattern.empty() && pattern.find_first_not_of('*') == pattern.npos;
         });
}

Result<void> set_verdict(std::optional<bool>& verdict, const std::string& action, bool allowed) {
  if (verdict) return dispatch::invalid("'" + action + "' is named twice in this rule");
  verdict = allowed;
  return {};
}

Result<void> set_actions(AclRule& rule, const std::vector<std::string>& actions, bool allowed) {
  for (const std::string& action : actions) {
    if (action == "administer")
      return dispatch::invalid(
          "'administer' is not decided here: whoever reaches the admin address may administer "
          "everything");
    if (action != "produce" && action != "consume")
      return dispatch::invalid("'" + action + "' is wrong; it " + std::string(kActions));
    auto set = set_verdict(action == "produce" ? rule.produce : rule.consume, action, allowed);
    if (!set) return set;
  }
  return {};
}

}  // namespace

Result<void> set_rule_key(AclRule& rule, std::string_view key,
                          const std::vector<std::string>& words) {
  if (std::ranges::find(kKeys, key) == kKeys.end())
    return dispatch::invalid("unknown key of [[acl]]" + did_you_mean(key, kKeys));
  const bool is_action = key == "allow" || key == "deny";
  // An empty list would read as nobody and mean everybody.
  if (words.empty())
    return dispatch::invalid("has an empty list; it " +
                             std::string(is_action ? kActions : "takes patterns, such as 'a*'"));
  if (is_action) return set_actions(rule, words, key == "allow");
  (key == "users" ? rule.users : key == "queues" ? rule.queues : rule.client_ids) = words;
  return {};
}

bool Acl::allows(const Who& who, std::string_view queue, Action action) const {
  for (const AclRule& rule : rules_) {
    const auto& verdict = verdict_of(rule, action);
    if (verdict && is_about(rule, who) && any_matches(rule.queues, queue)) return *verdict;
  }
  return true;
}

bool Acl::allows_any(const Who& who, Action action) const {
  for (const AclRule& rule : rules_) {
    const auto& verdict = verdict_of(rule, action);
    if (!verdict || !is_about(rule, who)) continue;
    if (!*verdict) return false;
    if (names_every_queue(rule)) return true;
  }
  return true;
}

// Each `*` takes as little as it can; where the rest doesn't fit, the last one takes one more. That
// is at most pattern times text, whatever the pattern.
bool matches_pattern(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = pattern.npos;  // the last `*` so far, and where what it takes begins
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace proxy
