#include "proxy/upstream_paho_uplink.h"

#include <algorithm>
#include <utility>

#include "proxy/upstream_paho_hooks.h"
#include "proxy/upstream_paho_wake.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;

// Every client gets the same keep alive: the period of Paho's ping check is that of the client that
// connected last, so a client with a shorter one would be pinged too late. The session watches over
// its client's own keep alive.
constexpr std::uint16_t uniform_keep_alive_s = 30;

// More at once would only queue behind each other's time-outs.
constexpr std::size_t max_connecting = 64;

// A connection that was cut is destroyed when Paho has noticed, or after this.
constexpr auto cut_grace = 1s;

// Paho's receive thread polls for 1 s and sleeps for 100 ms after a poll that ended with nothing;
// woken this often it never does.
constexpr auto idle_wake_interval = 400ms;

// How long a lost wake-up of Paho's send thread may hold up what is inside Paho.
constexpr auto nudge_interval = 20ms;

}  // namespace

PahoUplink::PahoUplink(std::shared_ptr<HandOver> hand_over,
                       std::chrono::milliseconds connect_timeout)
    : hand_over_(std::move(hand_over)),
      connect_timeout_(connect_timeout),
      keep_alive_s_(uniform_keep_alive_s) {
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

void PahoUplink::connect_answered(LinkId link, std::uint16_t server_keep_alive_s) {
  push({link, ConnectAnswered{server_keep_alive_s}});
}

void PahoUplink::run() {
  for (;;) {
    auto commands = wait();
    if (!commands) break;
    for (auto& command : *commands) {
      std::visit([&](auto&& what) { perform(command.link, std::forward<decltype(what)>(what)); },
                 std::move(command.what));
    }
    const auto now = Clock::now();
    check_deadlines(now);
    connect_more();
    wake_paho(now);
  }
  end_all();
}

std::optional<std::vector<PahoUplink::Command>> PahoUplink::wait() {
  const auto now = Clock::now();
  auto until = last_wake_ + wake_interval(now);
  if (inside_paho_ > 0) until = std::min(until, std::max(last_nudge_ + nudge_interval, now + 1ms));
  std::unique_lock lock(mutex_);
  filled_.wait_until(lock, until, [this] { return !commands_.empty() || stop_; });
  if (commands_.empty() && stop_) return std::nullopt;
  return std::exchange(commands_, {});
}

void PahoUplink::perform(LinkId link, Open&& open) {
  waiting_.push_back({link, Clock::now() + connect_timeout_, std::move(open)});
}

void PahoUplink::perform(LinkId link, Send&& packet) {
  const auto found = connections_.find(link);
  if (found != connections_.end()) found->second->send(packet);
}

void PahoUplink::perform(LinkId link, Cut cut) {
  if (drop_waiting(link)) {
    emit({link, Closed{}});
  } else if (!connections_.contains(link)) {
    return;
  } else if (cut.grace == 0ms) {
    cut_now(link);
  } else if (const auto found = deadlines_.find(link);
             found == deadlines_.end() || found->second.due != Due::destroy) {
    deadlines_[link] = {Clock::now() + cut.grace, Due::cut};
  }
}

void PahoUplink::perform(LinkId link, ConnectAnswered answered) {
  connecting_.erase(link);
  const auto found = deadlines_.find(link);
  if (found != deadlines_.end() && found->second.due == Due::give_up_connecting) {
    deadlines_.erase(found);
  }
  // Paho 1.3.12 doesn't obey Server Keep Alive: whoever connects from now on asks for no more.
  if (answered.server_keep_alive_s > 0) {
    keep_alive_s_ = std::min(keep_alive_s_, answered.server_keep_alive_s);
  }
}

void PahoUplink::perform(LinkId link, Ended) {
  if (connections_.erase(link) == 0) return;
  paho_hooks::remove(link);
  connecting_.erase(link);
  deadlines_.erase(link);
  emit({link, Closed{}});
}

void PahoUplink::connect_more() {
  while (!waiting_.empty() && connecting_.size() < max_connecting) {
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    connect(next);
  }
}

void PahoUplink::connect(const Waiting& next) {
  const LinkId link = next.link;
  const Open& open = next.open;
  const std::string host = paho_hooks::add(link, open.address);
  const std::string uri = "tcp://" + host + ":" + std::to_string(open.port);
  try {
    auto& connection = connections_[link];
    connection =
        std::make_unique<PahoConnection>(link, uri, open.connect, open.inflow, *this, inside_paho_);
    connection->connect(open.connect, keep_alive_s_);
    connecting_.insert(link);
    last_connect_ = Clock::now();
    deadlines_[link] = {next.until, Due::give_up_connecting};
  } catch (const mqtt::exception&) {
    connections_.erase(link);
    paho_hooks::remove(link);
    refuse(link);
  }
}

void PahoUplink::cut_now(LinkId link) {
  const auto found = deadlines_.find(link);
  if (found != deadlines_.end() && found->second.due == Due::destroy) return;
  paho_hooks::cut(link);
  deadlines_[link] = {Clock::now() + cut_grace, Due::destroy};
}

bool PahoUplink::drop_waiting(LinkId link) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Waiting& w) { return w.link == link; });
  if (found == waiting_.end()) return false;
  waiting_.erase(found);
  return true;
}

void PahoUplink::refuse(LinkId link) {
  protocol::Connack connack;
  connack.reason = protocol::ReasonCode::server_unavailable;
  emit({link, std::move(connack)});
  emit({link, Closed{}});
}

void PahoUplink::check_deadlines(Clock::time_point now) {
  while (!waiting_.empty() && waiting_.front().until <= now) {
    refuse(waiting_.front().link);
    waiting_.pop_front();
  }
  std::vector<std::pair<LinkId, Due>> due;
  for (const auto& [link, deadline] : deadlines_) {
    if (deadline.at <= now) due.emplace_back(link, deadline.due);
  }
  for (const auto& [link, what] : due) {
    if (what == Due::destroy) {
      perform(link, Ended{});
      continue;
    }
    if (what == Due::give_up_connecting) {
      connecting_.erase(link);
      protocol::Connack connack;
      connack.reason = protocol::ReasonCode::server_unavailable;
      emit({link, std::move(connack)});
    }
    cut_now(link);
  }
}

// While a CONNECT is under way the receive thread has to look again and again; the older it is, the
// less often: a connect may be late by a quarter, and a broker that doesn't answer costs little. In
// a storm of them each look finds something.
PahoUplink::Clock::duration PahoUplink::wake_interval(Clock::time_point now) const {
  if (connecting_.empty()) return idle_wake_interval;
  const bool storm = connecting_.size() > 4;
  const Clock::duration at_first = storm ? 1ms : 200us;
  return std::clamp<Clock::duration>((now - last_connect_) / 4, at_first, idle_wake_interval);
}

void PahoUplink::wake_paho(Clock::time_point now) {
  if (now - last_wake_ >= wake_interval(now)) {
    PahoWakeLine::instance().wake_receiver();
    last_wake_ = now;
  }
  if (inside_paho_ > 0 && now - last_nudge_ >= nudge_interval) {
    PahoWakeLine::instance().wake_sender();
    last_nudge_ = now;
  }
}

void PahoUplink::end_all() {
  for (const auto& [link, connection] : connections_) paho_hooks::cut(link);
  const auto until = Clock::now() + cut_grace;
  while (!connections_.empty() && Clock::now() < until) {
    PahoWakeLine::instance().wake_receiver();
    std::unique_lock lock(mutex_);
    filled_.wait_for(lock, 10ms, [this] { return !commands_.empty(); });
    const auto commands = std::exchange(commands_, {});
    lock.unlock();
    for (const auto& command : commands) {
      if (std::holds_alternative<Ended>(command.what)) perform(command.link, Ended{});
    }
  }
  while (!connections_.empty()) perform(connections_.begin()->first, Ended{});
}

}  // namespace proxy
