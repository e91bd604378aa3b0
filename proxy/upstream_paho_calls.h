#pragma once

#include <MQTTAsync.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <vector>

#include "proxy/protocol/packets.h"

namespace proxy {

class PahoConnection;
class PahoCalls;

// One SUBSCRIBE or UNSUBSCRIBE inside Paho.
struct PahoCall {
  PahoCalls* calls = nullptr;
  std::size_t bytes = 0;
  bool open = false;
};

// The calls of one connection, made through the C library: Paho C++ 1.2.0 crashes on a 5.0
// SUBSCRIBE of several filters with options. Begun on the uplink thread, done on Paho's; what is
// never done goes with the object, and what is done twice counts once. What the broker has answered
// is not looked at here: upstream_paho_bridge.h knows it exactly.
class PahoCalls {
 public:
  PahoCalls(PahoConnection& connection, protocol::Version version, std::atomic<int>& inside_paho)
      : connection_(connection), version_(version), inside_paho_(inside_paho) {}
  ~PahoCalls() { inside_paho_ -= begun_; }
  PahoCalls(const PahoCalls&) = delete;
  PahoCalls& operator=(const PahoCalls&) = delete;

  // Each returns Paho's return code, negative if it won't be done; `bytes` is what the packet
  // counts (upstream_paho_flow.h). Paho takes every QoS for 0, and says nothing when it is through:
  // its pipe shows that.
  static int publish(MQTTAsync client, const protocol::Publish& publish);
  int subscribe(MQTTAsync client, const protocol::Subscribe& subscribe, std::size_t bytes);
  int unsubscribe(MQTTAsync client, const protocol::Unsubscribe& unsubscribe, std::size_t bytes);

  // CONNECT, made elsewhere, counts too.
  void count(int change) {
    begun_ += change;
    inside_paho_ += change;
  }

 private:
  PahoCall* begin(std::size_t bytes);
  bool finish(PahoCall& call);
  int check(PahoCall& call, int return_code);
  template <class Data>
  static void done(void* call, Data* data);
  MQTTAsync_responseOptions options_for(PahoCall* call) const;

  PahoConnection& connection_;
  const protocol::Version version_;
  std::atomic<int>& inside_paho_;
  std::atomic<int> begun_{0};
  std::mutex mutex_;
  std::deque<PahoCall> calls_;  // as many as were ever open at once
  std::vector<PahoCall*> free_;
};

}  // namespace proxy
