#include "proxy/upstream_paho_hooks.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "dispatch/invariant.h"

namespace proxy::paho_hooks {
namespace {

constexpr std::string_view suffix = ".sluice.invalid";

struct Entry {
  std::string address;
  int line = -1;    // connect to the other end of this instead
  int socket = -1;  // our own descriptor of the client's socket
  bool cut = false;
};

struct Registry {
  std::mutex mutex;
  std::unordered_map<std::uint64_t, Entry> entries;
};

// Never destroyed: Paho's threads outlive main().
Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

// Paho calls connect() right after getaddrinfo() on one thread: the name says whose socket it is.
thread_local std::uint64_t resolved_last = 0;

std::string host_of(std::uint64_t id) { return "c" + std::to_string(id).append(suffix); }

std::optional<std::uint64_t> id_of(const char* node) {
  const std::string_view host = node ? node : "";
  if (!host.starts_with('c') || !host.ends_with(suffix)) return std::nullopt;
  std::uint64_t id = 0;
  const auto* const end = host.data() + host.size() - suffix.size();
  const auto [stop, error] = std::from_chars(host.data() + 1, end, id);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return id;
}

std::string add_entry(std::uint64_t id, Entry&& entry) {
  const std::lock_guard lock(registry().mutex);
  const bool is_new = registry().entries.emplace(id, std::move(entry)).second;
  INVARIANT(is_new, "a Paho client is entered once");
  return host_of(id);
}

// With the registry locked. The duplicate names the same socket for as long as we keep it, so that
// a cut can never hit a descriptor number that Paho closed and somebody else got.
bool adopt(Entry& entry, int fd) {
  if (entry.cut) return false;
  if (entry.line >= 0) return dup3(entry.line, fd, O_CLOEXEC) == fd;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  entry.socket = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return entry.socket >= 0;
}

enum class Adopted { other, refused, connect, connected };

// What connect() has to do about this socket.
Adopted adopt(int fd) {
  const std::uint64_t id = std::exchange(resolved_last, 0);
  if (id == 0) return Adopted::other;
  const std::lock_guard lock(registry().mutex);
  const auto found = registry().entries.find(id);
  if (found == registry().entries.end() || !adopt(found->second, fd)) return Adopted::refused;
  return found->second.line >= 0 ? Adopted::connected : Adopted::connect;
}

std::optional<std::string> address_of(std::uint64_t id) {
  const std::lock_guard lock(registry().mutex);
  const auto found = registry().entries.find(id);
  if (found == registry().entries.end()) return std::nullopt;
  return found->second.address;
}

template <class Function>
Function* next_definition(const char* name) {
  auto* const next = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  INVARIANT(next, "the C library has the function that the hook stands before");
  return next;
}

}  // namespace

std::string add(std::uint64_t id, std::string address) {
  Entry entry;
  entry.address = std::move(address);
  return add_entry(id, std::move(entry));
}

std::string add_line(std::uint64_t id, int socket) {
  Entry entry;
  entry.address = "127.0.0.1";
  entry.line = socket;
  return add_entry(id, std::move(entry));
}

void cut(std::uint64_t id) {
  const std::lock_guard lock(registry().mutex);
  const auto found = registry().entries.find(id);
  if (found == registry().entries.end()) return;
  found->second.cut = true;
  if (found->second.socket >= 0) shutdown(found->second.socket, SHUT_RDWR);
}

void remove(std::uint64_t id) {
  const std::lock_guard lock(registry().mutex);
  const auto found = registry().entries.find(id);
  if (found == registry().entries.end()) return;
  if (found->second.socket >= 0) close(found->second.socket);
  if (found->second.line >= 0) close(found->second.line);
  registry().entries.erase(found);
}

}  // namespace proxy::paho_hooks

// The two definitions that stand before the C library's.
extern "C" {

__attribute__((visibility("default"))) int getaddrinfo(const char* node, const char* service,
                                                       const addrinfo* hints, addrinfo** result) {
  static auto* const next = proxy::paho_hooks::next_definition<decltype(::getaddrinfo)>(__func__);
  const auto id = proxy::paho_hooks::id_of(node);
  if (!id) return next(node, service, hints, result);
  const auto address = proxy::paho_hooks::address_of(*id);
  if (!address) return EAI_NONAME;
  proxy::paho_hooks::resolved_last = *id;
  addrinfo numeric = hints ? *hints : addrinfo{};
  numeric.ai_flags |= AI_NUMERICHOST;
  return next(address->c_str(), service, &numeric, result);
}

__attribute__((visibility("default"))) int connect(int fd, const sockaddr* address,
                                                   socklen_t length) {
  static auto* const next = proxy::paho_hooks::next_definition<decltype(::connect)>(__func__);
  switch (proxy::paho_hooks::adopt(fd)) {
    case proxy::paho_hooks::Adopted::refused:
      errno = ECONNREFUSED;
      return -1;
    case proxy::paho_hooks::Adopted::connected:
      return 0;
    case proxy::paho_hooks::Adopted::connect:
    case proxy::paho_hooks::Adopted::other:
      break;
  }
  return next(fd, address, length);
}

}  // extern "C"
