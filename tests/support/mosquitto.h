#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace test {

// A Mosquitto of the test's own on a free loopback port, with its own configuration in a temporary
// directory. Ends with the object.
class Mosquitto {
 public:
  // `lines` are added to the configuration; nullptr if Mosquitto isn't installed.
  static std::unique_ptr<Mosquitto> start(const std::string& lines = "allow_anonymous true\n");
  ~Mosquitto();
  Mosquitto(const Mosquitto&) = delete;
  Mosquitto& operator=(const Mosquitto&) = delete;

  std::uint16_t port() const { return port_; }
  // For `lines`: where files of the configuration may lie. Exists as long as the process.
  static std::filesystem::path directory();
  void kill();

 private:
  explicit Mosquitto(std::uint16_t port) : port_(port) {}
  bool spawn(const std::string& lines);
  bool answers() const;

  std::uint16_t port_;
  pid_t pid_ = -1;
};

// A loopback port that nobody listens on just now.
std::uint16_t free_port();

}  // namespace test
