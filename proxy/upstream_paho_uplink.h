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

// The thread that makes and destroys connections, for which Paho searches its lists.
class PahoUplink {
 public:
  struct Open {
    protocol::Connect connect;
    std::string host;  // of its pipe
  };
  explicit PahoUplink(std::shared_ptr<HandOver> hand_over);
  // Destroys what is left, and ends the thread.
  ~PahoUplink();

  // Core thread. Every open() is answered by Closed some time after its destroy(), which may come
  // more than once. What is still inside Paho is dropped.
  void open(LinkId link, Open&& open) { push({link, std::move(open)}); }
  void destroy(LinkId link) { push({link, Destroy{}}); }
  // Something was sent to a connection: Paho's send thread is nudged if it may have missed that.
  void sent();

 private:
  struct Destroy {};
  struct Command {
    LinkId link = 0;
    std::variant<Open, Destroy> what;
  };

  void push(Command&& command);
  void run();
  std::optional<std::vector<Command>> wait();  // nothing: the end
  void perform(LinkId link, const Open& open);
  void perform(LinkId link, Destroy);

  const std::shared_ptr<HandOver> hand_over_;

  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<Command> commands_;
  bool stop_ = false;

  std::atomic<bool> sent_{false};    // since the last nudge
  std::atomic<int> inside_paho_{0};  // calls that it is not through with, but for PUBLISH

  // The uplink thread's own.
  std::unordered_map<LinkId, std::unique_ptr<PahoConnection>> connections_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace proxy
