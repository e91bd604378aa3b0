#pragma once

#include <string>
#include <string_view>

#include "dispatch/result.h"

// Topic names and topic filters by the rules of MQTT [MQTT-4.7]. Pure functions on text.

namespace dispatch {

// At most 65,535 bytes of UTF-8, not empty, no U+0000, no wildcard [MQTT-4.7.3-1, 3.3.2-2].
// The error names what is wrong. UTF-8 itself is the decoder's business.
Result<void> check_topic_name(std::string_view topic);

// The same for filters: `+` fills a level, `#` is the last level alone [MQTT-4.7.1-1..3].
Result<void> check_topic_filter(std::string_view filter);

// True if `topic` matches `filter`, both valid. A filter that starts with a wildcard does not match
// a topic that starts with `$` [MQTT-4.7.2-1].
bool topic_matches(std::string_view filter, std::string_view topic);

bool has_wildcard(std::string_view filter);

// True if some topic matches both of these valid filters.
bool filters_overlap(std::string_view a, std::string_view b);

}  // namespace dispatch
