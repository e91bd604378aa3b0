#include "proxy/upstream_paho_pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <utility>

#include "dispatch/invariant.h"

namespace proxy {
namespace {

constexpr std::string_view suffix = ".sluice.invalid";  // a name that can't exist (RFC 6761)

// Which descriptors are pipes, so that everybody else's calls cost one load. Higher numbers than
// these are looked up.
constexpr int max_marked = 1 << 16;
std::array<std::atomic<bool>, max_marked> is_pipe;

void mark(int fd, bool pipe) {
  if (fd < max_marked) is_pipe[static_cast<std::size_t>(fd)] = pipe;
}

bool may_be_pipe(int fd) {
  return fd >= max_marked ||
         (fd >= 0 && is_pipe[static_cast<std::size_t>(fd)].load(std::memory_order_acquire));
}

int null_device() {
  static const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  return fd;
}

// A quiet connection keeps no buffer.
constexpr std::size_t max_kept_bytes = 1024;

}  // namespace

void PahoPipe::feed(std::string_view bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    to_paho_.append(bytes);
  }
  PahoPipes::instance().list(*this);
}

void PahoPipe::end() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  PahoPipes::instance().list(*this);
}

std::string PahoPipe::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(from_paho_, {});
}

ssize_t PahoPipe::read(void* to, std::size_t size) {
  if (size == 0) return 0;
  const std::lock_guard lock(mutex_);
  const std::size_t count = std::min(size, to_paho_.size() - read_);
  if (count == 0) {
    if (ended_) return 0;
    errno = EAGAIN;
    return -1;
  }
  std::memcpy(to, to_paho_.data() + read_, count);
  read_ += count;
  if (read_ == to_paho_.size()) {
    read_ = 0;
    to_paho_.clear();
    if (to_paho_.capacity() > max_kept_bytes) to_paho_.shrink_to_fit();
  }
  return static_cast<ssize_t>(count);
}

ssize_t PahoPipe::write(const iovec* parts, int count) {
  std::size_t size = 0;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = from_paho_.empty() && !ended_;
    for (int i = 0; i < count; ++i) {
      size += parts[i].iov_len;
      if (!ended_) from_paho_.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    }
  }
  if (first) written_();
  return static_cast<ssize_t>(size);
}

bool PahoPipe::readable() {
  const std::lock_guard lock(mutex_);
  return ended_ || read_ < to_paho_.size();
}

bool PahoPipe::ended() {
  const std::lock_guard lock(mutex_);
  return ended_;
}

PahoPipes& PahoPipes::instance() {
  static auto* const pipes = new PahoPipes;
  return *pipes;
}

std::string PahoPipes::add(std::uint64_t id, std::shared_ptr<PahoPipe> pipe) {
  const std::lock_guard lock(mutex_);
  const bool is_new = by_id_.emplace(id, std::move(pipe)).second;
  INVARIANT(is_new, "a Paho client has one pipe");
  return "c" + std::to_string(id).append(suffix);
}

void PahoPipes::remove(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  by_id_.erase(id);
}

std::uint64_t PahoPipes::id_of(const char* host) {
  const std::string_view name = host ? host : "";
  if (!name.starts_with('c') || !name.ends_with(suffix)) return 0;
  std::uint64_t id = 0;
  const auto* const end = name.data() + name.size() - suffix.size();
  const auto [stop, error] = std::from_chars(name.data() + 1, end, id);
  return error == std::errc{} && stop == end ? id : 0;
}

void PahoPipes::set_bell(std::shared_ptr<PahoPipe> pipe, std::string bytes) {
  const std::lock_guard lock(mutex_);
  bell_ = std::move(pipe);
  bell_bytes_ = std::move(bytes);
}

bool PahoPipes::known(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  return by_id_.contains(id);
}

bool PahoPipes::adopt(std::uint64_t id, int fd) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end() || found->second->ended()) return false;
  // Paho's socket becomes the null device: what is done to it by name does nothing.
  if (dup3(null_device(), fd, O_CLOEXEC) != fd) return false;
  found->second->fd_ = fd;
  by_fd_[fd] = found->second;
  ++changes_;
  mark(fd, true);
  return true;
}

// Paho's threads ask for the same one several times per packet.
PahoPipe* PahoPipes::find(int fd) {
  if (!may_be_pipe(fd)) return nullptr;
  struct Last {
    int fd = -1;
    std::uint64_t change = 0;
    std::shared_ptr<PahoPipe> pipe;
  };
  static thread_local Last last;
  if (last.fd == fd && last.change == changes_.load(std::memory_order_acquire)) {
    return last.pipe.get();
  }
  const std::lock_guard lock(mutex_);
  const auto found = by_fd_.find(fd);
  last = {fd, changes_, found == by_fd_.end() ? nullptr : found->second};
  return last.pipe.get();
}

void PahoPipes::closed(int fd) {
  if (!may_be_pipe(fd)) return;
  const std::lock_guard lock(mutex_);
  const auto found = by_fd_.find(fd);
  if (found == by_fd_.end()) return;
  found->second->fd_ = -1;
  by_fd_.erase(found);
  ++changes_;
  mark(fd, false);
}

void PahoPipes::list(PahoPipe& pipe) {
  const std::lock_guard lock(mutex_);
  if (pipe.listed_ || pipe.fd_ < 0) return;
  pipe.listed_ = true;
  maybe_readable_.push_back(by_fd_.at(pipe.fd_));
  if (maybe_readable_.size() == 1) listed_.notify_one();
}

int PahoPipes::poll(pollfd* fds, std::size_t count, int timeout_ms) {
  if (count > 0 && (fds[0].events & POLLIN) == 0) {
    // Which are writable: all, always.
    for (std::size_t i = 0; i < count; ++i) fds[i].revents = POLLOUT;
    return static_cast<int>(count);
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  std::unique_lock lock(mutex_);
  for (std::size_t i = 0; i < count; ++i) fds[i].revents = 0;
  for (;;) {
    if (const int reported = report(fds, count)) return reported;
    if (!maybe_readable_.empty()) return ring(fds, count);
    if (listed_.wait_until(lock, until) == std::cv_status::timeout) return ring(fds, count);
  }
}

// Marks what can be read, and forgets what can't.
int PahoPipes::report(pollfd* fds, std::size_t count) {
  int reported = 0;
  std::erase_if(maybe_readable_, [&](const std::shared_ptr<PahoPipe>& pipe) {
    if (pipe->fd_ < 0 || !pipe->readable()) {
      pipe->listed_ = false;
      return true;
    }
    auto* const found = std::lower_bound(fds, fds + count, pipe->fd_,
                                         [](const pollfd& one, int fd) { return one.fd < fd; });
    if (found != fds + count && found->fd == pipe->fd_) {
      found->revents = POLLIN;
      ++reported;
    }
    return false;
  });
  return reported;
}

int PahoPipes::ring(pollfd* fds, std::size_t count) {
  if (!bell_ || bell_->fd_ < 0) return 0;
  {
    const std::lock_guard lock(bell_->mutex_);
    if (bell_->to_paho_.empty()) bell_->to_paho_ = bell_bytes_;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (fds[i].fd == bell_->fd_) fds[i].revents = POLLIN;
  }
  return 1;
}

}  // namespace proxy
