#include "proxy/upstream_paho_events.h"

#include <atomic>
#include <utility>

#include <boost/asio/post.hpp>

namespace proxy {
namespace {

// Packets of one link that are done in a row are one event: they carry nothing but numbers.
bool merge(std::vector<Event>& events, const Event& event) {
  const auto* const done = std::get_if<Done>(&event.what);
  if (!done || events.empty() || events.back().link != event.link) return false;
  auto* const last = std::get_if<Done>(&events.back().what);
  if (!last) return false;
  last->packets += done->packets;
  last->bytes += done->bytes;
  return true;
}

}  // namespace

LinkId new_link_id() {
  static std::atomic<LinkId> last{0};
  return ++last;
}

void HandOver::push(Event&& event) {
  {
    const std::lock_guard lock(mutex_);
    const bool was_empty = events_.empty();
    if (!merge(events_, event)) events_.push_back(std::move(event));
    if (!was_empty) return;
  }
  boost::asio::post(core_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && self->perform_) self->perform_();
  });
}

std::vector<Event> HandOver::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

}  // namespace proxy
