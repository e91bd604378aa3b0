#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/message.h"
#include "dispatch/result.h"

// The key of a message: which of a queue's messages are about the same thing. Selectors (option
// `key`), combined in order:
//   topic            the whole topic
//   topic:<n>        its n-th level, from 1
//   client_id        of the publisher
//   username         of the publisher
//   property:<name>  the first user property with that name
//   payload:<pointer>  what a JSON pointer (RFC 6901) finds in a JSON payload of at most 256 KiB

namespace dispatch {

Result<void> check_key_selector(std::string_view selector);

// True if every selector finds something.
bool has_key(const Message& message, std::span<const std::string> selectors);

// The key by these selectors, all valid; never empty. Different parts give different keys whatever
// they contain. If a selector finds nothing, or an empty text, the topic stands in for the whole
// key; such a key begins with U+0000, which no other one contains.
std::string key_of(const Message& message, std::span<const std::string> selectors);

// The key as people and MQTT strings may see it: without that mark.
std::string_view shown_key(std::string_view key);

}  // namespace dispatch
