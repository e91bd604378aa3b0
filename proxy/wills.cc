#include "proxy/wills.h"

#include <utility>

#include "proxy/log.h"
#include "proxy/rights.h"

namespace proxy {

void Wills::fire(const dispatch::MessageRef& will) {
  if (!may_publish(acl_, queues_, {will->username, will->publisher}, will->topic)) {
    ++denied_;
    log().warn("the Will of {} is dropped: it may not publish to {}", will->publisher, will->topic);
    return;
  }
  const auto stored = queues_.publish(dispatch::SessionId{}, 0, will);
  if (!stored) log().warn("the Will of {} is dropped: {}", will->publisher, stored.error().text);
}

void Wills::schedule(const std::string& client_id, dispatch::MessageRef will,
                     std::chrono::seconds delay) {
  if (delay.count() == 0 || client_id.empty()) {
    fire(will);
    return;
  }
  auto timer = std::make_unique<boost::asio::steady_timer>(core_, delay);
  timer->async_wait([this, client_id](const boost::system::error_code& error) {
    if (!error) connected(client_id, false);
  });
  waiting_.insert_or_assign(client_id, Waiting{std::move(will), std::move(timer)});
}

void Wills::connected(const std::string& client_id, bool session_goes_on) {
  const auto waiting = waiting_.extract(client_id);
  if (!waiting.empty() && !session_goes_on) fire(waiting.mapped().will);
}

void Wills::fire_all() {
  for (const auto& [client_id, waiting] : waiting_) fire(waiting.will);
  waiting_.clear();
}

}  // namespace proxy
