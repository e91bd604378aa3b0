#pragma once

#include <string_view>

namespace protocol {

// True if `text` may stand in a UTF-8 Encoded String: well formed, no surrogates, nothing above
// U+10FFFF, no overlong form, no U+0000 [MQTT-1.5.4-1, 1.5.4-2]. Other control characters and a
// byte order mark are text like any other [MQTT-1.5.4-3].
bool valid_utf8(std::string_view text);

}  // namespace protocol
