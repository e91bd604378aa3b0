#include "proxy/broker_stream.h"

#include <array>
#include <chrono>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

namespace proxy {
namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using Plain = tcp::socket;
using Tls = asio::ssl::stream<tcp::socket>;

template <class Stream>
constexpr bool is_websocket = false;
template <class Next>
constexpr bool is_websocket<websocket::stream<Next>> = true;
template <class Stream>
constexpr bool is_tls =
    std::is_same_v<Stream, Tls> || std::is_same_v<Stream, websocket::stream<Tls>>;
template <class Stream>
constexpr bool is_plain = std::is_same_v<Stream, Plain>;

constexpr std::size_t shared_read_bytes = 64 * 1024;
constexpr std::size_t own_read_bytes = 8 * 1024;
// For the broker to take the last bytes and close.
constexpr std::chrono::seconds linger{1};

// Reading and writing over any of the four.
template <class Stream>
class StreamOver final : public BrokerStream,
                         public std::enable_shared_from_this<StreamOver<Stream>> {
 public:
  template <class... Arguments>
  StreamOver(asio::io_context& core, const BrokerTarget& target, BrokerStreamEvents& events,
             std::vector<std::uint8_t>& shared, Arguments&... arguments)
      : target_(target),
        events_(&events),
        shared_(shared),
        stream_(core, arguments...),
        linger_(core) {}

  void connect(const std::string& address) override {
    error_code error;
    const auto ip = asio::ip::make_address(address, error);
    if (error) return post([](auto& self) { self.closed("no address"); });
    lowest().async_connect({ip, target_.port},
                           [self = this->shared_from_this()](error_code failed) {
                             if (self->failed(failed)) return;
                             error_code ignored;
                             self->lowest().set_option(tcp::no_delay(true), ignored);
                             if constexpr (is_plain<Stream>)
                               self->lowest().non_blocking(true, ignored);
                             self->handshake();
                           });
  }

  void send(std::string_view bytes) override {
    out_.append(bytes);
    if (flush_posted_ || writing_now_ || !connected_) return;
    flush_posted_ = true;
    post([](auto& self) {
      self.flush_posted_ = false;
      self.flush();
    });
  }

  std::size_t unsent_bytes() const override { return out_.size() + writing_.size(); }

  void pause(bool paused) override {
    if (paused_ == paused) return;
    paused_ = paused;
    if (!paused_ && connected_ && !reading_) post([](auto& self) { self.resume(); });
  }

  void finish() override {
    events_ = nullptr;
    finishing_ = true;
    if (!connected_) return close();
    linger_.expires_after(linger);
    linger_.async_wait([self = this->shared_from_this()](error_code) { self->close(); });
    pause(false);
    flush();
  }

  void close() override {
    events_ = nullptr;
    error_code ignored;
    lowest().close(ignored);
    linger_.cancel();
  }

 private:
  tcp::socket& lowest() { return boost::beast::get_lowest_layer(stream_); }

  template <class Do>
  void post(Do&& what) {
    asio::post(lowest().get_executor(),
               [self = this->shared_from_this(), what = std::forward<Do>(what)] { what(*self); });
  }

  void closed(const std::string& why) {
    auto* const events = std::exchange(events_, nullptr);
    close();
    if (events) events->on_stream_closed(why);
  }
  bool failed(const error_code& error) {
    if (error) closed(error.message());
    return error || !lowest().is_open();
  }

  void handshake() {
    if constexpr (is_plain<Stream>) {
      opened();
    } else if constexpr (is_tls<Stream>) {
      tls_handshake();
    } else {
      websocket_handshake();
    }
  }

  void tls_handshake() {
    auto& tls = [this]() -> Tls& {
      if constexpr (is_websocket<Stream>) {
        return stream_.next_layer();
      } else {
        return stream_;
      }
    }();
    error_code error;
    if (asio::ip::make_address(target_.server_name, error); error) {
      SSL_set_tlsext_host_name(tls.native_handle(), target_.server_name.c_str());
    }
    if (SSL_get_verify_mode(tls.native_handle()) != SSL_VERIFY_NONE) {
      tls.set_verify_callback(asio::ssl::host_name_verification(target_.server_name));
    }
    tls.async_handshake(asio::ssl::stream_base::client,
                        [self = this->shared_from_this()](error_code failed) {
                          if (self->failed(failed)) return;
                          if constexpr (is_websocket<Stream>) {
                            self->websocket_handshake();
                          } else {
                            self->opened();
                          }
                        });
  }

  void websocket_handshake() {
    stream_.binary(true);
    stream_.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
      request.set(boost::beast::http::field::sec_websocket_protocol, "mqtt");
    }));
    stream_.async_handshake(target_.host + ":" + std::to_string(target_.port), target_.path,
                            [self = this->shared_from_this()](error_code failed) {
                              if (!self->failed(failed)) self->opened();
                            });
  }

  void opened() {
    connected_ = true;
    if (events_) events_->on_stream_connected();
    flush();
    read();
  }

  // --- reading

  void resume() {
    if (!in_.empty()) use_kept();
    read();
  }

  void read() {
    if (paused_ || reading_ || !lowest().is_open()) return;
    reading_ = true;
    auto done = [self = this->shared_from_this()](error_code error, std::size_t count = 0) {
      self->reading_ = false;
      self->arrived(error, count);
      if (!error) self->read();
    };
    if constexpr (is_plain<Stream>) {
      // Into the buffer that all share, so that a quiet connection needs none of its own.
      stream_.async_wait(tcp::socket::wait_read, std::move(done));
    } else {
      if (own_.empty()) own_.resize(own_read_bytes);
      stream_.async_read_some(asio::buffer(own_), std::move(done));
    }
  }

  void arrived(error_code error, std::size_t count) {
    const std::uint8_t* data = own_.data();
    if constexpr (is_plain<Stream>) {
      if (!error) count = stream_.read_some(asio::buffer(shared_), error);
      if (error == asio::error::would_block) return;
      data = shared_.data();
    }
    if (count > 0) use({data, count});
    if (error) closed(error == asio::error::eof ? "closed by the broker" : error.message());
  }

  void use(std::span<const std::uint8_t> bytes) {
    if (!events_) return;
    if (in_.empty()) {
      const std::size_t used = events_->on_stream_bytes(bytes);
      if (events_) in_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(used), bytes.end());
      return;
    }
    in_.insert(in_.end(), bytes.begin(), bytes.end());
    use_kept();
  }

  void use_kept() {
    if (!events_) return;
    const std::size_t used = events_->on_stream_bytes(in_);
    if (!events_) return;
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(used));
    if (in_.empty()) in_ = {};
  }

  // --- writing

  void flush() {
    if (writing_now_ || !connected_ || !lowest().is_open()) return;
    if (out_.empty()) {
      if (finishing_) end_writing();
      return;
    }
    writing_now_ = true;
    std::swap(out_, writing_);
    auto done = [self = this->shared_from_this()](error_code error, std::size_t) {
      self->written(error);
    };
    if constexpr (is_websocket<Stream>) {
      stream_.async_write(asio::buffer(writing_), std::move(done));
    } else {
      asio::async_write(stream_, asio::buffer(writing_), std::move(done));
    }
  }

  void written(const error_code& error) {
    writing_now_ = false;
    writing_.clear();
    if (writing_.capacity() > 4 * own_read_bytes) writing_.shrink_to_fit();
    if (error) return closed(error.message());
    if (out_.empty() && events_) events_->on_stream_sent();
    flush();
  }

  // The broker reads everything, then the end; what it still sends is read and dropped, since
  // closing over it would make the network drop what the broker hasn't read.
  void end_writing() {
    finishing_ = false;
    auto done = [self = this->shared_from_this()](error_code) { self->close(); };
    if constexpr (is_websocket<Stream>) {
      stream_.async_close(websocket::close_code::normal, std::move(done));
    } else if constexpr (is_tls<Stream>) {
      stream_.async_shutdown(std::move(done));
    } else {
      error_code ignored;
      stream_.shutdown(tcp::socket::shutdown_send, ignored);
    }
  }

  const BrokerTarget& target_;
  BrokerStreamEvents* events_;
  std::vector<std::uint8_t>& shared_;
  Stream stream_;
  asio::steady_timer linger_;
  bool connected_ = false;
  bool finishing_ = false;

  bool paused_ = false;
  bool reading_ = false;
  std::vector<std::uint8_t> own_;
  std::vector<std::uint8_t> in_;  // the beginning of a packet

  bool flush_posted_ = false;
  bool writing_now_ = false;
  std::string out_;
  std::string writing_;
};

}  // namespace

BrokerStreams::BrokerStreams(asio::io_context& core, BrokerTarget target,
                             std::shared_ptr<asio::ssl::context> tls)
    : core_(core),
      target_(std::move(target)),
      tls_(std::move(tls)),
      read_buffer_(shared_read_bytes) {}

std::shared_ptr<BrokerStream> BrokerStreams::make(BrokerStreamEvents& events) {
  if (target_.tls && target_.websocket) {
    return std::make_shared<StreamOver<websocket::stream<Tls>>>(core_, target_, events,
                                                                read_buffer_, *tls_);
  }
  if (target_.tls) {
    return std::make_shared<StreamOver<Tls>>(core_, target_, events, read_buffer_, *tls_);
  }
  if (target_.websocket) {
    return std::make_shared<StreamOver<websocket::stream<Plain>>>(core_, target_, events,
                                                                  read_buffer_);
  }
  return std::make_shared<StreamOver<Plain>>(core_, target_, events, read_buffer_);
}

}  // namespace proxy
