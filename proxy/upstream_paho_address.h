#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace proxy {

// The broker's host as a numeric address, looked up off the core thread and off Paho's locks, and
// looked up again after a failed connect (at most every 5 s). Core thread.
class BrokerAddress : public std::enable_shared_from_this<BrokerAddress> {
 public:
  // `address` is empty if the name leads nowhere. Never called from within get().
  using Use = std::function<void(const std::string& address)>;

  BrokerAddress(boost::asio::io_context& core, std::string host);

  void get(Use&& use);
  void failed() { doubtful_ = true; }
  // Forgets who waits.
  void cancel();

 private:
  bool known() const;
  void look_up();
  void found(const std::string& address);

  boost::asio::io_context& core_;
  boost::asio::ip::tcp::resolver resolver_;
  const std::string host_;
  bool is_literal_ = false;
  bool doubtful_ = false;
  std::string address_;
  std::chrono::steady_clock::time_point looked_up_{};
  std::vector<Use> waiting_;
};

}  // namespace proxy
