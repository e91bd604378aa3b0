#pragma once

#include <poll.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace proxy {

// What a Paho client takes for its socket: two byte queues in memory. The client's threads read and
// write at one end, through the functions of upstream_paho_hooks.h; whoever made the pipe is at the
// other. Any thread.
class PahoPipe {
 public:
  // Called on Paho's thread, with its locks held, when take() has something to take again.
  using Written = std::function<void()>;
  explicit PahoPipe(Written written) : written_(std::move(written)) {}

  // --- Our end
  // For Paho to read, whole control packets only: it then never waits within one.
  void feed(std::string_view bytes);
  // The connection is gone: Paho reads what was fed, then the end; what it writes is dropped, and a
  // connection that is still to be made is refused.
  void end();
  // Everything that Paho has written since the last call.
  std::string take();

  // --- Paho's end. As recv() and writev() of a non-blocking socket do.
  ssize_t read(void* to, std::size_t size);
  ssize_t write(const iovec* parts, int count);
  bool readable();
  bool ended();

 private:
  friend class PahoPipes;

  const Written written_;
  std::mutex mutex_;
  std::string to_paho_;
  std::size_t read_ = 0;  // of to_paho_
  std::string from_paho_;
  bool ended_ = false;

  // PahoPipes' own, under its mutex.
  int fd_ = -1;          // as which Paho knows it; -1: not yet, or closed
  bool listed_ = false;  // among those that may be readable
};

// All pipes of the process by the descriptor that Paho knows each by, and poll() over them. The
// descriptor names nothing but a number that nobody else gets: it is open on /dev/null.
class PahoPipes {
 public:
  // Never destroyed: Paho's threads outlive main().
  static PahoPipes& instance();

  // A pipe whose client has an id; the host that leads to it, for the client's URI.
  std::string add(std::uint64_t id, std::shared_ptr<PahoPipe> pipe);
  void remove(std::uint64_t id);
  static std::uint64_t id_of(const char* host);  // 0: not one of ours

  // This one is reported readable, and can be read, whenever poll() would have nothing to report.
  // For Paho's receive thread sleeps 100 ms after such a poll, and sees a client added meanwhile
  // only in the next.
  void set_bell(std::shared_ptr<PahoPipe> pipe, std::string bytes);

  // --- For the hooks.
  bool known(std::uint64_t id);
  // `fd` becomes the pipe of this client; false: there is none, or it has ended.
  bool adopt(std::uint64_t id, int fd);
  // Valid until the thread asks for another.
  PahoPipe* find(int fd);
  void closed(int fd);
  // poll() over descriptors of pipes, sorted as Paho sorts them.
  int poll(pollfd* fds, std::size_t count, int timeout_ms);

 private:
  friend class PahoPipe;

  void list(PahoPipe& pipe);
  int report(pollfd* fds, std::size_t count);
  int ring(pollfd* fds, std::size_t count);

  std::mutex mutex_;
  std::condition_variable listed_;
  std::unordered_map<std::uint64_t, std::shared_ptr<PahoPipe>> by_id_;
  std::unordered_map<int, std::shared_ptr<PahoPipe>> by_fd_;
  std::atomic<std::uint64_t> changes_{0};  // of by_fd_
  std::vector<std::shared_ptr<PahoPipe>> maybe_readable_;
  std::shared_ptr<PahoPipe> bell_;
  std::string bell_bytes_;
};

}  // namespace proxy
