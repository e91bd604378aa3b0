#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace test {

// A broker made of bytes, for what a real one won't do on demand: it listens on a loopback port and
// plays a script on its own thread, one connection after the other.
class FakeBroker {
 public:
  class Connection {
   public:
    explicit Connection(int fd) : fd_(fd) {}
    // The next control packet, whole; empty at the end of the connection or after 5 s.
    std::string read();
    void write(const std::string& bytes);
    // True if the peer closes without a further byte within 5 s.
    bool closed_by_peer();

   private:
    int fd_;
  };
  using Script = std::function<void(Connection&)>;

  // One script per connection to come.
  explicit FakeBroker(std::vector<Script> scripts);
  ~FakeBroker();
  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;

  std::uint16_t port() const { return port_; }
  // Waits until every script was played.
  void join();

 private:
  void play(const std::vector<Script>& scripts);

  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// bytes("20 03 00 00 00") for readable scripts.
std::string bytes(const std::string& hex);
std::string hex(const std::string& bytes);

}  // namespace test
