#include "proxy/upstream_hold.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <unordered_set>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/log.h"

namespace proxy {
namespace {

namespace asio = boost::asio;
using protocol::Packet;
using protocol::PacketId;
using protocol::PropertyId;
using protocol::ReasonCode;

// Of all links.
struct Shared {
  asio::io_context& core;
  std::unique_ptr<Upstream> broker;
  const HoldOptions options;
  UpstreamHealth& health;
  std::size_t& held;
  std::minstd_rand random;
};

// What either side has sent and the other has not answered for good.
class Unanswered {
 public:
  void sent_up(const Packet& packet);
  void sent_down(const Packet& packet);
  bool none() const { return open_.empty(); }

 private:
  enum Kind : std::uint32_t { publish_up, publish_down, subscribe, unsubscribe };
  static std::uint32_t key(Kind kind, PacketId id) { return kind << 16 | id; }
  void begin(Kind kind, PacketId id) { open_.insert(key(kind, id)); }
  void end(Kind kind, PacketId id) { open_.erase(key(kind, id)); }

  // PUBLISH and PUBREL begin, the last of their answers ends.
  void note(const Packet& packet, Kind sender, Kind receiver);

  std::unordered_set<std::uint32_t> open_;
};

void Unanswered::note(const Packet& packet, Kind sender, Kind receiver) {
  if (const auto* publish = std::get_if<protocol::Publish>(&packet)) {
    if (publish->packet_id != 0) begin(sender, publish->packet_id);
  } else if (const auto* pubrel = std::get_if<protocol::Pubrel>(&packet)) {
    begin(sender, pubrel->packet_id);
  } else if (const auto* puback = std::get_if<protocol::Puback>(&packet)) {
    end(receiver, puback->packet_id);
  } else if (const auto* pubrec = std::get_if<protocol::Pubrec>(&packet)) {
    if (protocol::is_error(pubrec->reason)) end(receiver, pubrec->packet_id);
  } else if (const auto* pubcomp = std::get_if<protocol::Pubcomp>(&packet)) {
    end(receiver, pubcomp->packet_id);
  }
}

void Unanswered::sent_up(const Packet& packet) {
  if (const auto* wanted = std::get_if<protocol::Subscribe>(&packet)) {
    begin(subscribe, wanted->packet_id);
  } else if (const auto* unwanted = std::get_if<protocol::Unsubscribe>(&packet)) {
    begin(unsubscribe, unwanted->packet_id);
  } else {
    note(packet, publish_up, publish_down);
  }
}

void Unanswered::sent_down(const Packet& packet) {
  if (const auto* suback = std::get_if<protocol::Suback>(&packet)) {
    end(subscribe, suback->packet_id);
  } else if (const auto* unsuback = std::get_if<protocol::Unsuback>(&packet)) {
    end(unsubscribe, unsuback->packet_id);
  } else {
    note(packet, publish_down, publish_up);
  }
}

// True for a DISCONNECT or CONNACK after which the broker may well be back in a moment.
bool comes_back(ReasonCode reason) {
  return reason == ReasonCode::server_unavailable || reason == ReasonCode::server_busy ||
         reason == ReasonCode::server_shutting_down;
}

class HeldLink final : public UpstreamLink, private UpstreamEvents {
 public:
  HeldLink(Shared& shared, UpstreamEvents& session)
      : shared_(shared), session_(session), timer_(shared.core) {}
  ~HeldLink() override {
    *alive_ = false;
    if (stage_ == Stage::away) --shared_.held;
  }

  void send(Packet&& packet) override;
  bool can_take() const override { return stage_ == Stage::away || !link_ || link_->can_take(); }

 private:
  enum class Stage {
    opening,   // the session's CONNECT is not answered
    attached,  // CONNACK 0x00 was given, the broker is there
    away,      // the broker isn't
    over,      // the session had its last event
  };

  void on_upstream(Packet&& packet) override;
  void on_upstream_lost(const std::string& why) override;
  void on_upstream_ready() override { session_.on_upstream_ready(); }

  void on_connack(protocol::Connack&& connack);
  void on_connack_again(const protocol::Connack& connack);
  bool may_hold() const;
  bool broker_keeps_session() const;
  void go_away(const std::string& why);
  void attach_later();
  void attach();
  void give_up(const std::string& why);
  void drop_link();

  void answer(const Packet& packet);
  template <class Answer>
  Answer refusal(PacketId id) const;
  void tell_soon(Packet&& packet);
  void give_up_soon(const std::string& why);

  Shared& shared_;
  UpstreamEvents& session_;
  Stage stage_ = Stage::opening;
  std::unique_ptr<UpstreamLink> link_;
  protocol::Connect connect_;  // the session's, with the identifier that the broker has assigned
  Unanswered unanswered_;
  bool has_subscriptions_ = false;  // at the broker, or it may have
  asio::steady_timer timer_;
  std::chrono::milliseconds retry_{0};
  // Events may destroy the link, and what was posted may come late.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// --- from the session

void HeldLink::send(Packet&& packet) {
  if (stage_ == Stage::over) return;
  if (stage_ == Stage::away) return answer(packet);
  if (const auto* connect = std::get_if<protocol::Connect>(&packet)) {
    connect_ = *connect;
    link_ = shared_.broker->open(*this);
  }
  unanswered_.sent_up(packet);
  link_->send(std::move(packet));
}

// In the place of the broker.
void HeldLink::answer(const Packet& packet) {
  const bool v5 = connect_.version == protocol::Version::v5;
  if (const auto* publish = std::get_if<protocol::Publish>(&packet)) {
    if (publish->qos == protocol::QoS::at_most_once) {
      log().debug("{}: a QoS 0 publish for the broker is dropped: it is away", connect_.client_id);
    } else if (!v5) {
      give_up_soon("a PUBLISH for the broker, which is away");
    } else if (publish->qos == protocol::QoS::at_least_once) {
      tell_soon(refusal<protocol::Puback>(publish->packet_id));
    } else {
      tell_soon(refusal<protocol::Pubrec>(publish->packet_id));
    }
  } else if (const auto* subscribe = std::get_if<protocol::Subscribe>(&packet)) {
    auto suback = refusal<protocol::Suback>(subscribe->packet_id);
    suback.reasons.assign(
        subscribe->subscriptions.size(),
        v5 ? ReasonCode::implementation_specific_error : ReasonCode::unspecified_error);
    tell_soon(std::move(suback));
  } else if (const auto* unsubscribe = std::get_if<protocol::Unsubscribe>(&packet)) {
    if (!v5) return give_up_soon("an UNSUBSCRIBE for the broker, which is away");
    auto unsuback = refusal<protocol::Unsuback>(unsubscribe->packet_id);
    unsuback.reasons.assign(unsubscribe->filters.size(), ReasonCode::implementation_specific_error);
    tell_soon(std::move(unsuback));
  } else if (std::holds_alternative<protocol::Pingreq>(packet)) {
    tell_soon(protocol::Pingresp{});
  } else if (std::holds_alternative<protocol::Pubrel>(packet)) {
    give_up_soon("a PUBREL for the broker, which is away");
  }
}

template <class Answer>
Answer HeldLink::refusal(PacketId id) const {
  Answer answer;
  answer.packet_id = id;
  if constexpr (requires { answer.reason; }) {
    answer.reason = ReasonCode::implementation_specific_error;
  }
  if (connect_.version == protocol::Version::v5 &&
      connect_.properties.number(PropertyId::request_problem_information).value_or(1) != 0) {
    answer.properties.add(PropertyId::reason_string,
                          "the broker is away; queues are served meanwhile");
  }
  return answer;
}

void HeldLink::tell_soon(Packet&& packet) {
  asio::post(shared_.core, [this, alive = alive_, packet = std::move(packet)]() mutable {
    if (*alive && stage_ != Stage::over) session_.on_upstream(std::move(packet));
  });
}

void HeldLink::give_up_soon(const std::string& why) {
  asio::post(shared_.core, [this, alive = alive_, why] {
    if (*alive && stage_ != Stage::over) give_up(why);
  });
}

// --- from the broker

void HeldLink::on_upstream(Packet&& packet) {
  if (auto* connack = std::get_if<protocol::Connack>(&packet)) {
    if (stage_ == Stage::away) return on_connack_again(*connack);
    return on_connack(std::move(*connack));
  }
  if (const auto* disconnect = std::get_if<protocol::Disconnect>(&packet)) {
    if (comes_back(disconnect->reason) && may_hold()) {
      return go_away(std::string(protocol::name(disconnect->reason)));
    }
    stage_ = Stage::over;
  }
  if (const auto* suback = std::get_if<protocol::Suback>(&packet)) {
    has_subscriptions_ |= !std::ranges::all_of(suback->reasons, protocol::is_error);
  }
  unanswered_.sent_down(packet);
  session_.on_upstream(std::move(packet));
}

void HeldLink::on_connack(protocol::Connack&& connack) {
  if (protocol::is_error(connack.reason)) {
    stage_ = Stage::over;
    return session_.on_upstream(std::move(connack));
  }
  stage_ = Stage::attached;
  has_subscriptions_ = connack.session_present;
  if (const auto* id = connack.properties.text(PropertyId::assigned_client_identifier)) {
    connect_.client_id = *id;
  }
  if (const auto expiry = connack.properties.number(PropertyId::session_expiry_interval)) {
    connect_.properties.set(PropertyId::session_expiry_interval, *expiry);
  }
  session_.on_upstream(std::move(connack));
}

void HeldLink::on_upstream_lost(const std::string& why) {
  if (stage_ == Stage::away) {
    drop_link();
    return attach_later();
  }
  if (stage_ == Stage::attached && may_hold()) return go_away(why);
  stage_ = Stage::over;
  session_.on_upstream_lost(why);
}

bool HeldLink::may_hold() const {
  return session_.can_do_without_broker() && unanswered_.none() &&
         (!has_subscriptions_ || broker_keeps_session());
}

bool HeldLink::broker_keeps_session() const {
  if (connect_.version == protocol::Version::v3_1_1) return !connect_.clean_start;
  return connect_.properties.number(PropertyId::session_expiry_interval).value_or(0) != 0;
}

// --- without the broker

void HeldLink::go_away(const std::string& why) {
  log().info("{} goes on without the broker: {}", connect_.client_id, why);
  stage_ = Stage::away;
  ++shared_.held;
  connect_.clean_start = !broker_keeps_session();
  retry_ = shared_.options.first_retry;
  drop_link();
  attach_later();
  // What it held back for the broker's sake can be read and answered.
  asio::post(shared_.core, [this, alive = alive_] {
    if (*alive) session_.on_upstream_ready();
  });
}

void HeldLink::attach_later() {
  std::uniform_int_distribution<std::chrono::milliseconds::rep> spread(retry_.count() / 2,
                                                                       retry_.count() * 3 / 2);
  timer_.expires_after(std::chrono::milliseconds(spread(shared_.random)));
  timer_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (!error && *alive && stage_ == Stage::away) attach();
  });
  retry_ = std::min(retry_ * 2, shared_.options.longest_retry);
}

void HeldLink::attach() {
  // Somebody else is about to take the client's place.
  if (!session_.can_do_without_broker()) return attach_later();
  link_ = shared_.broker->open(*this);
  link_->send(protocol::Connect(connect_));
}

void HeldLink::on_connack_again(const protocol::Connack& connack) {
  const bool reached = connack.reason != ReasonCode::server_unavailable;
  shared_.health = reached ? UpstreamHealth::reachable : UpstreamHealth::unreachable;
  if (comes_back(connack.reason)) {
    drop_link();
    return attach_later();
  }
  if (protocol::is_error(connack.reason)) {
    return give_up("the broker doesn't take it back: " +
                   std::string(protocol::name(connack.reason)));
  }
  if (has_subscriptions_ && !connack.session_present) {
    return give_up("the broker has forgotten its session");
  }
  stage_ = Stage::attached;
  --shared_.held;
  log().info("{} is with the broker again", connect_.client_id);
}

void HeldLink::give_up(const std::string& why) {
  if (stage_ == Stage::away) --shared_.held;
  stage_ = Stage::over;
  timer_.cancel();
  session_.on_upstream_lost(why);
}

// Not here and now: this may be one of its events.
void HeldLink::drop_link() {
  asio::post(shared_.core, [link = std::move(link_)] {});
}

class UpstreamHold final : public Upstream {
 public:
  explicit UpstreamHold(Shared&& shared) : shared_(std::move(shared)) {}

  std::unique_ptr<UpstreamLink> open(UpstreamEvents& events) override {
    return std::make_unique<HeldLink>(shared_, events);
  }
  std::string address() const override { return shared_.broker->address(); }
  bool idle() const override { return shared_.broker->idle(); }

 private:
  Shared shared_;
};

}  // namespace

std::unique_ptr<Upstream> make_upstream_hold(asio::io_context& core,
                                             std::unique_ptr<Upstream> broker,
                                             const HoldOptions& options, UpstreamHealth& health,
                                             std::size_t& held) {
  return std::make_unique<UpstreamHold>(Shared{core, std::move(broker), options, health, held,
                                               std::minstd_rand(std::random_device{}())});
}

}  // namespace proxy
