#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include <boost/asio/buffer.hpp>

#include "dispatch/message.h"

namespace proxy {

// Bytes on their way to one client: packets encoded one behind the other, large payloads referred
// to where they are. One gathered write sends all of it.
class OutBuffer {
 public:
  // Where the next packet is to be encoded. What is appended there must be announced by added()
  // before anything else is called.
  std::string& tail();
  void added(std::size_t bytes) { size_ += bytes; }

  // The payload of `message`, behind what is there: copied if small, else shared.
  void append_payload(const dispatch::MessageRef& message);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear();

  // Valid until the buffer changes.
  std::vector<boost::asio::const_buffer> gather() const;

 private:
  struct Segment {
    std::string bytes;
    dispatch::MessageRef payload;  // behind `bytes`
  };
  std::deque<Segment> segments_;
  std::size_t size_ = 0;
};

}  // namespace proxy
