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

// One PUBLISH, SUBSCRIBE or UNSUBSCRIBE inside Paho: what its answer needs to know.
struct PahoCall {
  enum class Kind { publish, subscribe, unsubscribe };
  PahoCalls* calls = nullptr;
  Kind kind{};
  protocol::PacketId packet_id = 0;
  protocol::QoS qos{};      // of a PUBLISH
  std::size_t filters = 0;  // of the others
  bool open = false;
};

// The calls of one connection, made through the C library, because Paho C++ 1.2.0 loses part of the
// answers (properties of a refusal, codes of a list that starts with one above 2) and crashes on a
// 5.0 SUBSCRIBE of several filters with options. Begun on the uplink thread, answered on Paho's;
// what is never answered goes with the object, and an answer that comes twice is taken once.
class PahoCalls {
 public:
  PahoCalls(PahoConnection& connection, std::atomic<int>& inside_paho)
      : connection_(connection), inside_paho_(inside_paho) {}
  ~PahoCalls() { inside_paho_ -= begun_; }
  PahoCalls(const PahoCalls&) = delete;
  PahoCalls& operator=(const PahoCalls&) = delete;

  // Each returns Paho's return code, negative if there will be no answer.
  int publish(MQTTAsync client, const protocol::Publish& publish, protocol::Version version);
  int subscribe(MQTTAsync client, const protocol::Subscribe& subscribe, protocol::Version version);
  int unsubscribe(MQTTAsync client, const protocol::Unsubscribe& unsubscribe,
                  protocol::Version version);

  // CONNECT and DISCONNECT, made elsewhere, count too.
  void count(int change) {
    begun_ += change;
    inside_paho_ += change;
  }

 private:
  PahoCall* begin(PahoCall::Kind kind, protocol::PacketId packet_id);
  bool finish(PahoCall& call);
  int check(PahoCall& call, int return_code);
  void succeeded(PahoCall& call, const MQTTAsync_successData* data);
  void succeeded(PahoCall& call, const MQTTAsync_successData5* data);
  void failed(PahoCall& call, const MQTTAsync_failureData* data);
  void failed(PahoCall& call, const MQTTAsync_failureData5* data);
  template <class Data>
  static void on_success(void* call, Data* data);
  template <class Data>
  static void on_failure(void* call, Data* data);
  static MQTTAsync_responseOptions options_for(PahoCall* call, protocol::Version version);

  PahoConnection& connection_;
  std::atomic<int>& inside_paho_;
  std::atomic<int> begun_{0};
  std::mutex mutex_;
  std::deque<PahoCall> calls_;  // as many as were ever open at once: the window of the flow
  std::vector<PahoCall*> free_;
};

}  // namespace proxy
