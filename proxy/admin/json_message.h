#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "proxy/admin/api.h"

// A message as the HTTP API shows it, docs/api/openapi.yaml. Pure.

namespace admin {

// At most `payload_bytes` of the payload: as text if that is UTF-8, else in base64.
boost::json::object to_json(const MessageInfo& info, dispatch::Time now, std::size_t payload_bytes);

// The first bytes of a text, at most so many, none of which begins a character that is cut off.
std::string_view whole_characters(std::string_view text, std::size_t bytes);

}  // namespace admin
