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

namespace dispatch {

Result<void> check_key_selector(std::string_view selector);

// The key by these selectors, all valid. Different parts give different keys whatever they
// contain. If a selector finds nothing in the message the topic stands in for the whole key.
std::string key_of(const Message& message, std::span<const std::string> selectors);

}  // namespace dispatch
