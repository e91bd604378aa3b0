#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "proxy/protocol/packets.h"
#include "proxy/upstream_paho_connection.h"
#include "proxy/upstream_paho_events.h"

namespace proxy {

// The thread that calls Paho, and the only one: a call may block for 150 ms. It makes and destroys
// the connections, paces CONNECTs, keeps the time-outs and keeps Paho's own threads awake.
class PahoUplink final : public ConnectionSink {
 public:
  struct Open {
    protocol::Connect connect;
    std::string address;  // numeric
    std::uint16_t port = 0;
    std::shared_ptr<Inflow> inflow;
  };
  // PUBLISH, SUBSCRIBE, UNSUBSCRIBE or DISCONNECT; for an unknown link it is dropped.
  using Send = protocol::Packet;
  // Ends the connection as a broken network would, unless it ends by itself within `grace`.
  struct Cut {
    std::chrono::milliseconds grace{0};
  };

  PahoUplink(std::shared_ptr<HandOver> hand_over, std::chrono::milliseconds connect_timeout);
  // Cuts what is left, waits up to 1 s for Paho to notice, and ends the thread.
  ~PahoUplink();

  // Core thread. Every Open is answered by a CONNACK and, some time later, by Closed.
  void open(LinkId link, Open&& open) { push({link, std::move(open)}); }
  void send(LinkId link, Send&& packet) { push({link, std::move(packet)}); }
  void cut(LinkId link, std::chrono::milliseconds grace) { push({link, Cut{grace}}); }

 private:
  using Clock = std::chrono::steady_clock;
  struct ConnectAnswered {
    std::uint16_t server_keep_alive_s = 0;
  };
  struct Ended {};
  struct Command {
    LinkId link = 0;
    std::variant<Open, Send, Cut, ConnectAnswered, Ended> what;
  };
  struct Waiting {
    LinkId link = 0;
    Clock::time_point until;
    Open open;
  };
  // What happens to a connection when its time comes.
  enum class Due { give_up_connecting, cut, destroy };
  struct Deadline {
    Clock::time_point at;
    Due due{};
  };

  void emit(Event&& event) override { hand_over_->push(std::move(event)); }
  void connect_answered(LinkId link, std::uint16_t server_keep_alive_s) override;
  void ended(LinkId link) override { push({link, Ended{}}); }
  void condemn(LinkId link) override { push({link, Cut{}}); }

  void push(Command&& command);
  void run();
  std::optional<std::vector<Command>> wait();  // nothing: the end
  void perform(LinkId link, Open&& open);
  void perform(LinkId link, Send&& packet);
  void perform(LinkId link, Cut cut);
  void perform(LinkId link, ConnectAnswered answered);
  void perform(LinkId link, Ended);
  void connect_more();
  void connect(const Waiting& next);
  void cut_now(LinkId link);
  bool drop_waiting(LinkId link);
  void refuse(LinkId link);
  void check_deadlines(Clock::time_point now);
  void wake_paho(Clock::time_point now);
  Clock::duration wake_interval(Clock::time_point now) const;
  void end_all();

  const std::shared_ptr<HandOver> hand_over_;
  const std::chrono::milliseconds connect_timeout_;

  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<Command> commands_;
  bool stop_ = false;

  // The uplink thread's own.
  std::atomic<int> inside_paho_{0};
  std::unordered_map<LinkId, std::unique_ptr<PahoConnection>> connections_;
  std::unordered_map<LinkId, Deadline> deadlines_;
  std::deque<Waiting> waiting_;
  std::unordered_set<LinkId> connecting_;
  Clock::time_point last_connect_{};
  Clock::time_point last_wake_{};
  Clock::time_point last_nudge_{};
  std::uint16_t keep_alive_s_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace proxy
