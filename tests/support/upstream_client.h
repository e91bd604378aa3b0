#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "proxy/upstream.h"

namespace test {

// Runs the core until `done` or a generous time is over; the answer is done().
inline bool run_until(boost::asio::io_context& core, const std::function<bool()>& done,
                      std::chrono::seconds patience = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!done() && std::chrono::steady_clock::now() < end) {
    core.restart();
    core.run_one_for(std::chrono::milliseconds(20));
  }
  return done();
}

inline void run_for(boost::asio::io_context& core, std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    core.restart();
    core.run_one_for(std::chrono::milliseconds(5));
  }
}

// The least session: sends what it is told, keeps what it gets, acknowledges messages.
class UpstreamClient final : public proxy::UpstreamEvents {
 public:
  UpstreamClient(boost::asio::io_context& core, proxy::Upstream& upstream)
      : core_(core), link_(upstream.open(*this)) {}

  void send(protocol::Packet packet) { link_->send(std::move(packet)); }
  proxy::UpstreamLink& link() { return *link_; }
  void drop() { link_.reset(); }

  // Sends CONNECT and waits for its CONNACK.
  protocol::Connack connect(protocol::Connect connect) {
    send(std::move(connect));
    run_until(core_, [this] { return count<protocol::Connack>() == 1; });
    const auto* connack = last<protocol::Connack>();
    return connack ? *connack
                   : protocol::Connack{false, protocol::ReasonCode::unspecified_error, {}};
  }
  bool connects(protocol::Connect packet) {
    return connect(std::move(packet)).reason == protocol::ReasonCode::success;
  }
  protocol::Suback subscribe(protocol::Subscribe subscribe) {
    const auto before = count<protocol::Suback>();
    send(std::move(subscribe));
    run_until(core_, [&] { return count<protocol::Suback>() > before; });
    const auto* suback = last<protocol::Suback>();
    return suback ? *suback : protocol::Suback{};
  }

  template <class Type>
  std::size_t count() const {
    std::size_t n = 0;
    for (const auto& packet : packets) n += std::holds_alternative<Type>(packet) ? 1 : 0;
    return n;
  }
  template <class Type>
  const Type* last() const {
    for (auto p = packets.rbegin(); p != packets.rend(); ++p) {
      if (const auto* found = std::get_if<Type>(&*p)) return found;
    }
    return nullptr;
  }
  template <class Type>
  bool gets(std::size_t n = 1) {
    return run_until(core_, [&] { return count<Type>() >= n; });
  }

  std::vector<protocol::Packet> packets;
  std::optional<std::string> lost;
  std::size_t ready = 0;
  bool acknowledges = true;

 private:
  void on_upstream(protocol::Packet&& packet) override {
    if (acknowledges) acknowledge(packet);
    packets.push_back(std::move(packet));
  }
  void on_upstream_lost(const std::string& why) override { lost = why; }
  void on_upstream_ready() override { ++ready; }
  // As a client does, whose reason is always success.
  void acknowledge(const protocol::Packet& packet) {
    if (const auto* publish = std::get_if<protocol::Publish>(&packet)) {
      if (publish->qos == protocol::QoS::at_least_once) answer<protocol::Puback>(*publish);
      if (publish->qos == protocol::QoS::exactly_once) answer<protocol::Pubrec>(*publish);
    } else if (const auto* pubrec = std::get_if<protocol::Pubrec>(&packet)) {
      if (!protocol::is_error(pubrec->reason)) answer<protocol::Pubrel>(*pubrec);
    } else if (const auto* pubrel = std::get_if<protocol::Pubrel>(&packet)) {
      answer<protocol::Pubcomp>(*pubrel);
    }
  }
  template <class Answer, class To>
  void answer(const To& to) {
    Answer packet;
    packet.packet_id = to.packet_id;
    send(packet);
  }

  boost::asio::io_context& core_;
  std::unique_ptr<proxy::UpstreamLink> link_;
};

inline protocol::Connect connect_as(std::string client_id, protocol::Version version) {
  protocol::Connect connect;
  connect.version = version;
  connect.client_id = std::move(client_id);
  connect.keep_alive_s = 60;
  return connect;
}

inline protocol::Publish publish_to(std::string topic, std::string payload, protocol::QoS qos,
                                    protocol::PacketId packet_id = 0) {
  protocol::Publish publish;
  publish.topic = std::move(topic);
  publish.payload = std::move(payload);
  publish.qos = qos;
  publish.packet_id = packet_id;
  return publish;
}

inline protocol::Subscribe subscribe_to(std::string filter, protocol::QoS qos,
                                        protocol::PacketId packet_id = 1) {
  protocol::Subscription subscription;
  subscription.filter = std::move(filter);
  subscription.qos = qos;
  protocol::Subscribe subscribe;
  subscribe.packet_id = packet_id;
  subscribe.subscriptions.push_back(std::move(subscription));
  return subscribe;
}

}  // namespace test
