#pragma once

#include <memory>

namespace mqtt {
class async_client;
}

namespace proxy {

class PahoPipe;

// One internal Paho client, connected to ourselves, that cures three things:
//   Paho's receive thread waits in poll() without seeing a client added meanwhile, and sleeps
//   100 ms after a poll that ended with nothing. This one's pipe is the bell
//   (upstream_paho_pipe.h). Paho's send thread can lose a wake-up and then waits 1 s. A publish on
//   this line wakes it. Destroying the last client of the process tears Paho down, in a race with
//   the next one made. This one is never destroyed.
class PahoWakeLine {
 public:
  // The process's one. The first call connects it, which shows that Paho calls our hooks.
  static PahoWakeLine& instance();

  void wake_sender();  // on the uplink thread

 private:
  PahoWakeLine();

  std::shared_ptr<PahoPipe> pipe_;
  std::unique_ptr<mqtt::async_client> client_;
};

}  // namespace proxy
