#pragma once

#include <span>
#include <string>
#include <string_view>

namespace proxy {

// " (did you mean 'max_inflight'?)" for a word that is a slip away from one that is known, else
// nothing: to be put behind an error.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

}  // namespace proxy
