#include "proxy/out_buffer.h"

namespace proxy {
namespace {

// Below this a copy is cheaper than one more piece in the gathered write.
constexpr std::size_t kShareFrom = 4096;
constexpr std::size_t kKeepBytes = 4096;

}  // namespace

std::string& OutBuffer::tail() {
  if (segments_.empty() || segments_.back().payload) segments_.emplace_back();
  return segments_.back().bytes;
}

void OutBuffer::append_payload(const dispatch::MessageRef& message) {
  const std::string& payload = message->payload;
  std::string& bytes = tail();
  if (payload.size() < kShareFrom) {
    bytes += payload;
  } else {
    segments_.back().payload = message;
  }
  size_ += payload.size();
}

void OutBuffer::clear() {
  // A little memory is kept for the next packets; thousands of quiet clients must not keep much.
  const bool keep = !segments_.empty() && segments_.front().bytes.capacity() <= kKeepBytes;
  segments_.resize(keep ? 1 : 0);
  if (keep) {
    segments_.front().bytes.clear();
    segments_.front().payload.reset();
  }
  size_ = 0;
}

std::vector<boost::asio::const_buffer> OutBuffer::gather() const {
  std::vector<boost::asio::const_buffer> buffers;
  for (const auto& segment : segments_) {
    if (!segment.bytes.empty()) buffers.emplace_back(boost::asio::buffer(segment.bytes));
    if (segment.payload) buffers.emplace_back(boost::asio::buffer(segment.payload->payload));
  }
  return buffers;
}

}  // namespace proxy
