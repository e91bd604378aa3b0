#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/result.h"

// Who may produce to which queue and consume from it: the [[acl]] rules of the configuration. Pure.
// Who may connect is the broker's decision, and the user name is the one it accepted.

namespace proxy {

enum class Action { produce, consume };

// A client as the broker has let it in.
struct Who {
  std::string_view user;  // empty without one
  std::string_view client_id;
};

struct AclRule {
  // Patterns in which `*` stands for any number of characters, none included. An empty list is
  // everybody, or every queue.
  std::vector<std::string> users;
  std::vector<std::string> client_ids;
  std::vector<std::string> queues;  // by name
  // What the rule says of each action; nothing: that is for later rules.
  std::optional<bool> produce;
  std::optional<bool> consume;
};

// Sets one key of a rule: users, client_ids, queues, allow or deny. Errors say what it takes.
dispatch::Result<void> set_rule_key(AclRule& rule, std::string_view key,
                                    const std::vector<std::string>& words);

class Acl {
 public:
  void add(AclRule rule) { rules_.push_back(std::move(rule)); }
  // True if everybody may do everything, so that nobody need ask.
  bool empty() const { return rules_.empty(); }
  const std::vector<AclRule>& rules() const { return rules_; }

  // The first rule that says something of this client, queue and action decides; without one it
  // may.
  bool allows(const Who& who, std::string_view queue, Action action) const;
  // The same for a queue whose name is not known: true if the client may whatever it is called.
  bool allows_any(const Who& who, Action action) const;

 private:
  std::vector<AclRule> rules_;
};

// `*` in the pattern stands for any number of characters.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace proxy
