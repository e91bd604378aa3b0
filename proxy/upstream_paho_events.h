#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "proxy/protocol/packets.h"

// What crosses the threads of the Paho link: values with ids, never references.

namespace proxy {

// Unique in the process, so that no two clients are ever mixed up.
using LinkId = std::uint64_t;
LinkId new_link_id();

// Paho has written something to its pipe.
struct Written {};

class PahoConnection;

// CONNECT is answered, as far as Paho can tell. The connection can be sent to until destroy() is
// asked of the uplink; nullptr: there is none.
struct Connected {
  PahoConnection* connection = nullptr;
};

// SUBSCRIBE and UNSUBSCRIBE packets of the session that Paho is through with, since the broker's
// answer got there; `bytes` in all. (A PUBLISH is done when it is Written.)
struct Done {
  std::size_t packets = 1;
  std::size_t bytes = 0;
};

struct Lost {
  std::string why;
};

// Paho is through with the connection: it is to be destroyed. May come more than once.
struct Ended {};

// Paho's client is destroyed: nothing comes any more.
struct Closed {};

struct Event {
  LinkId link = 0;
  std::variant<Written, Connected, protocol::Publish, Done, Lost, Ended, Closed> what;
};

// The one hand-over from Paho's threads to the core: they push, and the core is woken once per
// burst.
class HandOver : public std::enable_shared_from_this<HandOver> {
 public:
  explicit HandOver(boost::asio::io_context& core) : core_(core) {}

  // Any thread. Never blocks longer than the copy of a few pointers.
  void push(Event&& event);

  // The rest: core thread. `on_burst` runs on the core when there is something to take();
  // an empty one ends that.
  void on_burst(std::function<void()> perform) { perform_ = std::move(perform); }
  std::vector<Event> take();

 private:
  boost::asio::io_context& core_;
  std::function<void()> perform_;
  std::mutex mutex_;
  std::vector<Event> events_;
};

}  // namespace proxy
