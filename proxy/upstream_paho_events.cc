#include "proxy/upstream_paho_events.h"

#include <utility>

#include <boost/asio/post.hpp>

namespace proxy {
namespace {

// Completed QoS 0 publishes of one link in a row are one event: they carry nothing but a number.
bool merge(std::vector<Event>& events, const Event& event) {
  const auto* const done = std::get_if<PublishDone>(&event.what);
  if (!done || done->qos != protocol::QoS::at_most_once || events.empty()) return false;
  if (events.back().link != event.link) return false;
  auto* const last = std::get_if<PublishDone>(&events.back().what);
  if (!last || last->qos != protocol::QoS::at_most_once) return false;
  last->count += done->count;
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
    filled_.notify_one();
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

void HandOver::wait_until(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  filled_.wait_until(lock, deadline, [this] { return !events_.empty(); });
}

}  // namespace proxy
