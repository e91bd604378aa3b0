#include "dispatch/message.h"

namespace dispatch {

namespace {

std::size_t size_of(const std::optional<std::string>& text) { return text ? text->size() : 0; }

}  // namespace

std::size_t Message::size_bytes() const {
  std::size_t bytes = topic.size() + payload.size() + size_of(properties.content_type) +
                      size_of(properties.response_topic) + size_of(properties.correlation_data);
  if (dead_letter) bytes += dead_letter->reason.size();
  for (const auto& property : properties.user)
    bytes += property.name.size() + property.value.size();
  return bytes;
}

}  // namespace dispatch
