#include "tests/support/mosquitto.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace test {
namespace {

const char* program() {
  for (const char* path : {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"}) {
    if (access(path, X_OK) == 0) return path;
  }
  return nullptr;
}

// In the child: ends with its parent whatever happens, and says nothing.
[[noreturn]] void run(const char* mosquitto, const char* file) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nowhere = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(nowhere, fd);
  execl(mosquitto, mosquitto, "-c", file, static_cast<char*>(nullptr));
  _exit(127);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Removed when the process ends.
struct Directory {
  std::filesystem::path path;
  Directory() {
    std::string name = std::filesystem::temp_directory_path() / "sluice-mosquitto-XXXXXX";
    if (!mkdtemp(name.data())) return;
    path = name;
  }
  ~Directory() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  bind(fd, reinterpret_cast<sockaddr*>(&address), length);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  close(fd);
  return ntohs(address.sin_port);
}

std::filesystem::path Mosquitto::directory() {
  static const Directory directory;
  return directory.path;
}

std::unique_ptr<Mosquitto> Mosquitto::start(const std::string& lines) {
  if (!program()) return nullptr;
  for (int attempt = 0; attempt < 5; ++attempt) {  // another process may take the port first
    std::unique_ptr<Mosquitto> broker(new Mosquitto(free_port()));
    if (broker->spawn(lines)) return broker;
  }
  return nullptr;
}

bool Mosquitto::spawn(const std::string& lines) {
  const auto path = directory() / ("mosquitto-" + std::to_string(port_) + ".conf");
  std::ofstream(path)
      << "listener " << port_ << " 127.0.0.1\npersistence false\nlog_dest none\n"
      << "user root\n"  // else, started by root, it changes user and no longer dies with its parent
      << "set_tcp_nodelay true\nmax_queued_messages 0\n"
      << lines;
  pid_ = fork();
  if (pid_ == 0) run(program(), path.c_str());
  if (pid_ < 0) return false;
  for (int i = 0; i < 500; ++i) {
    const bool answered = answers();
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {  // it couldn't have the port
      pid_ = -1;
      break;
    }
    if (answered) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill();
  return false;
}

// True if an MQTT broker answers there: anybody may have taken the port.
bool Mosquitto::answers() const {
  static constexpr char connect_packet[] = "\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00";
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port_);
  bool answered = false;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    send(fd, connect_packet, sizeof connect_packet - 1, MSG_NOSIGNAL);
    pollfd readable{fd, POLLIN, 0};
    unsigned char first = 0;
    answered =
        poll(&readable, 1, 2'000) == 1 && recv(fd, &first, 1, 0) == 1 && first == 0x20;  // CONNACK
  }
  close(fd);
  return answered;
}

void Mosquitto::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Mosquitto::~Mosquitto() { kill(); }

}  // namespace test
