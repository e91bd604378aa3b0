#include "proxy/upstream_paho_hooks.h"

#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "dispatch/invariant.h"
#include "proxy/upstream_paho_pipe.h"

namespace proxy::paho_hooks {
namespace {

// Paho calls connect() right after getaddrinfo() on one thread: the name says whose socket it is.
thread_local std::uint64_t resolved_last = 0;

template <class Function>
Function* next_definition(const char* name) {
  auto* const next = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  INVARIANT(next, "the C library has the function that the hook stands before");
  return next;
}

}  // namespace

void require() {}

}  // namespace proxy::paho_hooks

using proxy::PahoPipes;
using proxy::paho_hooks::next_definition;
using proxy::paho_hooks::resolved_last;

// The definitions that stand before the C library's.
extern "C" {

__attribute__((visibility("default"))) int getaddrinfo(const char* node, const char* service,
                                                       const addrinfo* hints, addrinfo** result) {
  static auto* const next = next_definition<decltype(::getaddrinfo)>(__func__);
  const auto id = PahoPipes::id_of(node);
  if (id == 0) return next(node, service, hints, result);
  if (!PahoPipes::instance().known(id)) return EAI_NONAME;
  resolved_last = id;
  addrinfo numeric = hints ? *hints : addrinfo{};
  numeric.ai_flags |= AI_NUMERICHOST;
  return next("127.0.0.1", service, &numeric, result);  // any will do: nothing is sent there
}

__attribute__((visibility("default"))) int connect(int fd, const sockaddr* address,
                                                   socklen_t length) {
  static auto* const next = next_definition<decltype(::connect)>(__func__);
  const auto id = std::exchange(resolved_last, 0);
  if (id == 0) return next(fd, address, length);
  if (PahoPipes::instance().adopt(id, fd)) return 0;
  errno = ECONNREFUSED;
  return -1;
}

__attribute__((visibility("default"))) int poll(pollfd* fds, nfds_t count, int timeout_ms) {
  static auto* const next = next_definition<decltype(::poll)>(__func__);
  auto& pipes = PahoPipes::instance();
  // All sockets of Paho are pipes, so the first tells.
  if (count == 0 || !pipes.find(fds[0].fd)) return next(fds, count, timeout_ms);
  return pipes.poll(fds, count, timeout_ms);
}

__attribute__((visibility("default"))) ssize_t recv(int fd, void* to, size_t size, int flags) {
  static auto* const next = next_definition<decltype(::recv)>(__func__);
  auto* const pipe = PahoPipes::instance().find(fd);
  return pipe ? pipe->read(to, size) : next(fd, to, size, flags);
}

__attribute__((visibility("default"))) ssize_t writev(int fd, const iovec* parts, int count) {
  static auto* const next = next_definition<decltype(::writev)>(__func__);
  auto* const pipe = PahoPipes::instance().find(fd);
  return pipe ? pipe->write(parts, count) : next(fd, parts, count);
}

__attribute__((visibility("default"))) int close(int fd) {
  static auto* const next = next_definition<decltype(::close)>(__func__);
  PahoPipes::instance().closed(fd);
  return next(fd);
}

}  // extern "C"
