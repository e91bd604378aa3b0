#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

namespace proxy {

// Where and how the broker is reached.
struct BrokerTarget {
  bool tls = false;
  bool websocket = false;
  std::string host;  // as configured; also for a websocket's Host header
  std::uint16_t port = 1883;
  std::string path = "/mqtt";  // of a websocket
  std::string server_name;     // for SNI and of the certificate
};

// What a stream tells its owner. Never called from within a call into the stream.
class BrokerStreamEvents {
 public:
  virtual void on_stream_connected() = 0;
  // Answers how many bytes were used; the rest comes again with more behind it.
  virtual std::size_t on_stream_bytes(std::span<const std::uint8_t> bytes) = 0;
  virtual void on_stream_sent() = 0;  // unsent_bytes() is 0 again
  // Could not be made, or is gone. The last event.
  virtual void on_stream_closed(const std::string& why) = 0;

 protected:
  ~BrokerStreamEvents() = default;
};

// One connection to the broker: bytes over TCP, TLS, websocket, or websocket over TLS. Core thread.
// What is sent within one turn of the event loop goes out in one write.
class BrokerStream {
 public:
  virtual ~BrokerStream() = default;

  // `address` is numeric. Once.
  virtual void connect(const std::string& address) = 0;
  virtual void send(std::string_view bytes) = 0;
  virtual std::size_t unsent_bytes() const = 0;
  // While paused nothing is read, and TCP holds the broker back.
  virtual void pause(bool paused) = 0;
  // No more events. What was sent still goes out, then the connection ends from this side.
  virtual void finish() = 0;
  // No more events; ends it at once.
  virtual void close() = 0;
};

// Makes streams to one target. Outlives them, or the core.
class BrokerStreams {
 public:
  // `tls` is looked at only if the target wants TLS.
  BrokerStreams(boost::asio::io_context& core, BrokerTarget target,
                std::shared_ptr<boost::asio::ssl::context> tls);

  // `events` must live until an event says that it is closed, or finish() or close().
  std::shared_ptr<BrokerStream> make(BrokerStreamEvents& events);

 private:
  boost::asio::io_context& core_;
  const BrokerTarget target_;
  const std::shared_ptr<boost::asio::ssl::context> tls_;
  std::vector<std::uint8_t> read_buffer_;  // of all plain streams, for one call at a time
};

}  // namespace proxy
