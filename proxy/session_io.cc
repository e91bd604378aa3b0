// Bytes in and out of a Session: the read loop, the gate that holds it back, the writes.

#include <algorithm>
#include <tuple>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "proxy/log.h"
#include "proxy/on_packet.h"
#include "proxy/protocol/decode.h"
#include "proxy/protocol/encode.h"
#include "proxy/session.h"

namespace proxy {
namespace {

namespace asio = boost::asio;

constexpr std::uint8_t kFirstByteOfConnect = 0x10;
constexpr std::size_t kReadBytes = 64 * 1024;  // at a time
// The largest CONNECT that makes sense: five fields of 64 KiB and properties. All that a peer can
// make us hold before the broker has accepted it.
constexpr std::size_t kMaxConnectBytes = 512 * 1024;

}  // namespace

std::size_t Session::read_limit() const {
  return phase_ == Phase::expecting_connect
             ? std::min<std::size_t>(kMaxConnectBytes, context_.config.max_packet_bytes)
             : context_.config.max_packet_bytes;
}

// False while something that this client has sent waits for somebody else: TCP then holds the
// client back. Keep Alive does not run against a client that we don't listen to.
bool Session::may_read() const {
  switch (phase_) {
    case Phase::expecting_connect:
      return true;
    case Phase::connecting:
      return false;
    case Phase::open:
      return publishes_open_ < context_.config.receive_maximum && link_->can_take() &&
             context_.queues.can_take() &&
             outbound_bytes() < 2 * context_.config.max_outbound_bytes;
    case Phase::ended:
      return false;
  }
  return false;
}

void Session::open_gate() { gate_.cancel(); }

asio::awaitable<void> Session::read_loop() {
  while (phase_ != Phase::ended) {
    boost::system::error_code error;
    if (may_read()) {
      std::tie(error) = co_await socket_.async_wait(asio::ip::tcp::socket::wait_read,
                                                    asio::as_tuple(asio::use_awaitable));
      if (!error) error = read_some();
      if (error == asio::error::would_block) continue;
    } else {
      gate_.expires_at(asio::steady_timer::time_point::max());
      co_await gate_.async_wait(asio::as_tuple(asio::use_awaitable));
      consume_kept();
    }
    last_read_ = std::chrono::steady_clock::now();
    if (error) ended_by_client(dispatch::Leave::lost, error.message());
    flush();
  }
}

// Into the buffer that all sessions share, so that a quiet connection needs none of its own; only
// the beginning of an unfinished packet is kept in `in_`, and then the rest goes there.
boost::system::error_code Session::read_some() {
  boost::system::error_code error;
  if (in_.empty()) {
    auto& shared = context_.read_buffer;
    const std::size_t count = socket_.read_some(asio::buffer(shared), error);
    const std::size_t used = consume({shared.data(), count});
    in_.assign(shared.begin() + static_cast<std::ptrdiff_t>(used),
               shared.begin() + static_cast<std::ptrdiff_t>(count));
    return error;
  }
  const std::size_t before = in_.size();
  in_.resize(before + kReadBytes);
  const std::size_t count = socket_.read_some(asio::buffer(in_.data() + before, kReadBytes), error);
  in_.resize(before + count);
  consume_kept();
  return error;
}

void Session::consume_kept() {
  const std::size_t used = consume(in_);
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(used));
  if (in_.empty()) in_ = {};
}

// Handles the whole packets at the start of `bytes`, as long as it may; returns how many bytes that
// were.
std::size_t Session::consume(std::span<const std::uint8_t> bytes) {
  std::size_t used = 0;
  while (may_read() && used < bytes.size()) {
    // Whatever it is, its length is not waited for [MQTT-3.1.0-1].
    if (phase_ == Phase::expecting_connect && bytes[used] != kFirstByteOfConnect) {
      end(protocol::ReasonCode::protocol_error, "the first packet is not CONNECT");
      break;
    }
    const auto frame = protocol::next_frame(bytes.subspan(used), read_limit());
    if (!frame) {
      end(frame.error().reason, frame.error().text);
      break;
    }
    if (frame->size == 0) break;
    used += frame->size;
    auto packet = protocol::decode(frame->first_byte, frame->body, connection_.version);
    if (!packet) {
      on_bad_packet(*this, packet.error());
      break;
    }
    if (const auto allowed = protocol::check_from_client(*packet); !allowed) {
      on_bad_packet(*this, allowed.error());
      break;
    }
    if (log().should_log(spdlog::level::trace)) log_packet(*this, "<-", *packet);
    on_client_packet(*this, std::move(*packet));
  }
  return used;
}

void Session::send(const protocol::Packet& packet) {
  if (close_when_written_) return;
  if (log().should_log(spdlog::level::trace)) log_packet(*this, "->", packet);
  std::string& bytes = out_.tail();
  const std::size_t before = bytes.size();
  protocol::encode(packet, connection_.version, bytes);
  out_.added(bytes.size() - before);
  request_flush();
}

void Session::send(const protocol::Publish& publish, const dispatch::MessageRef& message) {
  if (close_when_written_) return;
  std::string& bytes = out_.tail();
  const std::size_t before = bytes.size();
  protocol::encode_publish_head(publish, message->payload.size(), connection_.version, bytes);
  out_.added(bytes.size() - before);
  out_.append_payload(message);
  request_flush();
}

void Session::settle_when_written(const dispatch::Deliver& delivery) {
  settle_with_out_.push_back({delivery.consumer, delivery.delivery, delivery.settled_by_command});
}

// Everything that one turn of the event loop sends to a client goes out in one write.
void Session::request_flush() {
  if (writable_ && outbound_bytes() > context_.config.max_outbound_bytes) set_writable_soon(false);
  if (flush_posted_) return;
  flush_posted_ = true;
  asio::post(context_.core, [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void Session::flush() {
  if (write_under_way_ || out_.empty() || !socket_.is_open()) return;
  write_under_way_ = true;
  std::swap(out_, writing_);
  std::swap(settle_with_out_, settle_with_writing_);
  asio::async_write(socket_, writing_.gather(),
                    [self = shared_from_this()](const boost::system::error_code& error,
                                                std::size_t) { self->written(error); });
}

void Session::written(const boost::system::error_code& error) {
  write_under_way_ = false;
  writing_.clear();
  if (error) {
    ended_by_client(dispatch::Leave::lost, error.message());
    close_socket();
    return;
  }
  settle_written();
  if (!writable_ && outbound_bytes() < context_.config.max_outbound_bytes / 2) {
    set_writable_soon(true);
  }
  open_gate();
  if (!out_.empty()) {
    flush();
  } else if (close_when_written_) {
    close_socket();
  }
}

// Deliveries of QoS 0 are done when their bytes are with the socket (docs/queues.md section 3).
void Session::settle_written() {
  auto settlements = std::move(settle_with_writing_);
  settle_with_writing_.clear();
  if (phase_ != Phase::open) return;
  for (const auto& [consumer, delivery, by_command] : settlements) {
    if (by_command) {
      queues().arrived(queue_session_, consumer, delivery);
      continue;
    }
    queues().settle(consumer, delivery, dispatch::Outcome::ack);
    queues().free_slot(queue_session_);
  }
}

// From the event loop: deliveries fill the buffer from inside the queue service.
void Session::set_writable_soon(bool writable) {
  writable_ = writable;
  asio::post(context_.core, [self = shared_from_this(), writable] {
    if (self->phase_ == Phase::open) self->queues().set_writable(self->queue_session_, writable);
  });
}

void Session::close_socket() {
  boost::system::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  timer_.cancel();
  gate_.cancel();
}

}  // namespace proxy
