#include "proxy/upstream_paho_address.h"

#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

namespace proxy {
namespace {

constexpr std::chrono::seconds look_up_interval{5};

std::string without_brackets(std::string host) {
  if (host.starts_with('[') && host.ends_with(']')) return host.substr(1, host.size() - 2);
  return host;
}

// As Paho does: IPv4 if there is one.
std::string choose(const boost::asio::ip::tcp::resolver::results_type& results) {
  std::string address;
  for (const auto& result : results) {
    address = result.endpoint().address().to_string();
    if (result.endpoint().address().is_v4()) break;
  }
  return address;
}

}  // namespace

BrokerAddress::BrokerAddress(boost::asio::io_context& core, std::string host)
    : core_(core), resolver_(core), host_(without_brackets(std::move(host))) {
  boost::system::error_code error;
  const auto literal = boost::asio::ip::make_address(host_, error);
  if (error) return;
  is_literal_ = true;
  address_ = literal.to_string();
}

bool BrokerAddress::known() const {
  if (is_literal_) return true;
  const bool fresh = std::chrono::steady_clock::now() - looked_up_ < look_up_interval;
  return !address_.empty() && (!doubtful_ || fresh);
}

void BrokerAddress::get(Use&& use) {
  waiting_.push_back(std::move(use));
  if (waiting_.size() > 1) return;
  if (!known()) return look_up();
  boost::asio::post(core_, [self = shared_from_this()] { self->found(self->address_); });
}

void BrokerAddress::look_up() {
  looked_up_ = std::chrono::steady_clock::now();
  resolver_.async_resolve(host_, "", [self = shared_from_this()](const auto& error, auto results) {
    self->found(error ? std::string() : choose(results));
  });
}

void BrokerAddress::found(const std::string& address) {
  address_ = address;
  doubtful_ = false;
  for (const auto& use : std::exchange(waiting_, {})) use(address_);
}

void BrokerAddress::cancel() {
  waiting_.clear();
  resolver_.cancel();
}

}  // namespace proxy
