#pragma once

#include <cstdint>

namespace dispatch {

// How much memory the messages take that queues hold ready, all of them together: what keeps any
// number of queues with any backlog within bounds. Nobody is made to give something back; who holds
// more messages asks first, and those without consumers are the first to be told no.
class MemoryBudget {
 public:
  void set_limit(std::uint64_t bytes) { limit_ = bytes; }

  bool is_full() const { return used_ >= limit_; }
  // Those without consumers may have half of it.
  bool is_full_for_idle() const { return is_full() || idle_ >= limit_ / 2; }
  std::uint64_t used_bytes() const { return used_; }

  // What one holder has of it.
  class Share {
   public:
    explicit Share(MemoryBudget& budget) : budget_(budget) {}
    ~Share() { set(0, 0, 0, false); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // So many messages with so many bytes, and bytes that were asked for and are to come.
    void set(std::uint64_t messages, std::uint64_t bytes, std::uint64_t asked, bool idle) {
      const std::uint64_t now = messages * kBytesPerMessage + bytes + asked;
      budget_.used_ += now - bytes_;
      budget_.idle_ += (idle ? now : 0) - (idle_ ? bytes_ : 0);
      bytes_ = now;
      idle_ = idle;
    }

   private:
    // What a message takes besides what it counts for: its parts, and its place in tables.
    static constexpr std::uint64_t kBytesPerMessage = 400;

    MemoryBudget& budget_;
    std::uint64_t bytes_ = 0;
    bool idle_ = false;
  };

 private:
  std::uint64_t limit_ = 0;
  std::uint64_t used_ = 0;
  std::uint64_t idle_ = 0;
};

}  // namespace dispatch
