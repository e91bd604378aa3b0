#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "proxy/protocol/packets.h"
#include "proxy/upstream_paho_connection.h"
#include "proxy/upstream_paho_events.h"

namespace proxy {

// The thread that calls Paho, and the only one: a call waits for locks that Paho's threads hold
// meanwhile. It makes and destroys the connections.
class PahoUplink final : public ConnectionSink {
 public:
  struct Open {
    protocol::Connect connect;
    std::string host;  // of its pipe
  };
  // PUBLISH, SUBSCRIBE or UNSUBSCRIBE; for an unknown link it is dropped.
  using Send = protocol::Packet;

  explicit PahoUplink(std::shared_ptr<HandOver> hand_over);
  // Destroys what is left, and ends the thread.
  ~PahoUplink();

  // Core thread. Every Open is answered by Closed, some time after its pipe has ended.
  void open(LinkId link, Open&& open) { push({link, std::move(open)}); }
  void send(LinkId link, Send&& packet) { push({link, std::move(packet)}); }
  // Without waiting for Paho to be through with it. For one whose pipe ended long ago.
  void destroy(LinkId link) { push({link, Ended{}}); }

 private:
  struct Ended {};
  struct Command {
    LinkId link = 0;
    std::variant<Open, Send, Ended> what;
  };

  void emit(Event&& event) override { hand_over_->push(std::move(event)); }
  void ended(LinkId link) override { push({link, Ended{}}); }

  void push(Command&& command);
  void run();
  std::optional<std::vector<Command>> wait();  // nothing: the end
  void perform(LinkId link, const Open& open);
  void perform(LinkId link, const Send& packet);
  void perform(LinkId link, Ended);

  const std::shared_ptr<HandOver> hand_over_;

  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<Command> commands_;
  bool stop_ = false;

  // The uplink thread's own.
  std::atomic<int> inside_paho_{0};
  std::unordered_map<LinkId, std::unique_ptr<PahoConnection>> connections_;
  // A PUBLISH, of which Paho doesn't say when it is through, went in since the last nudge.
  bool owes_nudge_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace proxy
