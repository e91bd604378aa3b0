#include "tests/support/fake_broker.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <utility>

namespace test {
namespace {

// A peer that went away with its window closed isn't noticed by sending.
constexpr int patience_ms = 5'000;

bool readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, patience_ms) == 1;
}

// Appends one byte; false at the end.
bool read_byte(int fd, std::string& to) {
  char byte = 0;
  if (!readable(fd) || recv(fd, &byte, 1, 0) != 1) return false;
  to.push_back(byte);
  return true;
}

}  // namespace

std::string FakeBroker::Connection::read() {
  std::string packet;
  if (!read_byte(fd_, packet)) return {};
  std::size_t length = 0;
  for (unsigned shift = 0; shift < 28; shift += 7) {
    if (!read_byte(fd_, packet)) return {};
    length |= static_cast<std::size_t>(packet.back() & 0x7F) << shift;
    if ((packet.back() & 0x80) == 0) break;
  }
  for (; length > 0; --length) {
    if (!read_byte(fd_, packet)) return {};
  }
  return packet;
}

void FakeBroker::Connection::write(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    pollfd one{fd_, POLLOUT, 0};
    if (poll(&one, 1, patience_ms) != 1) return;
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    const auto n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, flags);
    if (n <= 0) return;
    sent += static_cast<std::size_t>(n);
  }
}

bool FakeBroker::Connection::closed_by_peer() {
  char byte = 0;
  return readable(fd_) && recv(fd_, &byte, 1, 0) <= 0;
}

FakeBroker::FakeBroker(std::vector<Script> scripts) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  bind(listener_, reinterpret_cast<sockaddr*>(&address), length);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  listen(listener_, 16);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this, scripts = std::move(scripts)] { play(scripts); });
}

void FakeBroker::play(const std::vector<Script>& scripts) {
  for (const auto& script : scripts) {
    if (!readable(listener_)) return;
    const int fd = accept(listener_, nullptr, nullptr);
    Connection connection(fd);
    script(connection);
    close(fd);
  }
}

void FakeBroker::join() {
  if (thread_.joinable()) thread_.join();
}

FakeBroker::~FakeBroker() {
  join();
  close(listener_);
}

std::string bytes(const std::string& hex) {
  std::istringstream in(hex);
  std::string result;
  unsigned value = 0;
  while (in >> std::hex >> value) result.push_back(static_cast<char>(value));
  return result;
}

std::string hex(const std::string& bytes) {
  std::string result;
  for (const char c : bytes) {
    char two[4];
    std::snprintf(two, sizeof two, "%02x ", static_cast<unsigned>(static_cast<unsigned char>(c)));
    result += two;
  }
  if (!result.empty()) result.pop_back();
  return result;
}

}  // namespace test
