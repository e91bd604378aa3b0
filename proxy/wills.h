#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "dispatch/message.h"
#include "proxy/acl.h"
#include "proxy/queue_service.h"

namespace proxy {

// Wills whose topics belong to queues: stored when they fire, which may be a Will Delay Interval
// after the connection has ended [MQTT-3.1.3-9]. The others are the broker's. A Will that waits is
// lost if Sluice ends before its time.
class Wills {
 public:
  // `denied` counts Wills that their publishers may not publish.
  Wills(boost::asio::io_context& core, QueueService& queues, const Acl& acl, std::uint64_t& denied)
      : core_(core), queues_(queues), acl_(acl), denied_(denied) {}

  // Stores the Will after `delay`; with none at once. One Will a client identifier.
  void schedule(const std::string& client_id, dispatch::MessageRef will,
                std::chrono::seconds delay);
  // A connection of this client has come: its session goes on, so the Will is off; or it started
  // anew, so the Will's session has ended and the Will is due.
  void connected(const std::string& client_id, bool session_goes_on);
  // The server ends: what waits is stored now.
  void fire_all();

 private:
  struct Waiting {
    dispatch::MessageRef will;
    std::unique_ptr<boost::asio::steady_timer> timer;
  };
  void fire(const dispatch::MessageRef& will);

  boost::asio::io_context& core_;
  QueueService& queues_;
  const Acl& acl_;
  std::uint64_t& denied_;
  std::unordered_map<std::string, Waiting> waiting_;
};

}  // namespace proxy
