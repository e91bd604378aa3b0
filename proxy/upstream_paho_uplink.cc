#include "proxy/upstream_paho_uplink.h"

#include <utility>

#include "proxy/upstream_paho_wake.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;

// How long a lost wake-up of Paho's send thread may hold up what is inside Paho.
constexpr auto nudge_interval = 20ms;

}  // namespace

PahoUplink::PahoUplink(std::shared_ptr<HandOver> hand_over) : hand_over_(std::move(hand_over)) {
  PahoWakeLine::instance();
  thread_ = std::thread([this] { run(); });
}

PahoUplink::~PahoUplink() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    filled_.notify_one();
  }
  thread_.join();
}

void PahoUplink::push(Command&& command) {
  const std::lock_guard lock(mutex_);
  commands_.push_back(std::move(command));
  if (commands_.size() == 1) filled_.notify_one();
}

void PahoUplink::sent() {
  if (sent_.exchange(true)) return;
  const std::lock_guard lock(mutex_);
  filled_.notify_one();
}

void PahoUplink::run() {
  while (auto commands = wait()) {
    for (auto& command : *commands) {
      std::visit([&](const auto& what) { perform(command.link, what); }, command.what);
    }
  }
  connections_.clear();
}

std::optional<std::vector<PahoUplink::Command>> PahoUplink::wait() {
  const auto filled = [this] { return !commands_.empty() || stop_; };
  std::unique_lock lock(mutex_);
  while (!filled()) {
    if (inside_paho_ == 0 && !sent_) {
      filled_.wait(lock, [&] { return filled() || sent_; });
    } else if (!filled_.wait_for(lock, nudge_interval, filled)) {
      sent_ = false;
      lock.unlock();
      PahoWakeLine::instance().wake_sender();
      lock.lock();
    }
  }
  if (commands_.empty()) return std::nullopt;
  return std::exchange(commands_, {});
}

void PahoUplink::perform(LinkId link, const Open& open) {
  try {
    auto& connection = connections_[link];
    connection = std::make_unique<PahoConnection>(link, "tcp://" + open.host + ":1", open.connect,
                                                  *hand_over_, inside_paho_);
    connection->connect(open.connect);
  } catch (const mqtt::exception&) {
    connections_.erase(link);
    hand_over_->push({link, Connected{}});
    hand_over_->push({link, Closed{}});
  }
}

void PahoUplink::perform(LinkId link, Destroy) {
  if (connections_.erase(link) > 0) hand_over_->push({link, Closed{}});
}

}  // namespace proxy
