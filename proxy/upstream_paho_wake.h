#pragma once

#include <memory>

namespace mqtt {
class async_client;
}

namespace proxy {

// One internal Paho client, connected to ourselves by a socket pair, that cures three things:
//   Paho's receive thread polls for up to 1 s without seeing a socket added meanwhile, then sleeps
//   100 ms if nothing was ready. Bytes on this line end the poll and keep it from sleeping.
//   Paho's send thread can lose a wake-up and then waits 1 s. A publish on this line wakes it.
//   Destroying the last client of the process tears Paho down, in a race with the next one made.
//   This one is never destroyed.
class PahoWakeLine {
 public:
  // The process's one. The first call connects it, which takes up to 0.2 s.
  static PahoWakeLine& instance();

  void wake_receiver();
  void wake_sender();  // on the uplink thread, as every call into Paho

 private:
  PahoWakeLine();

  int our_end_ = -1;
  std::unique_ptr<mqtt::async_client> client_;
};

}  // namespace proxy
