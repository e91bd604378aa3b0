#include "proxy/upstream_paho.h"

#include <chrono>
#include <cstdlib>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "dispatch/invariant.h"
#include "proxy/upstream_paho_address.h"
#include "proxy/upstream_paho_events.h"
#include "proxy/upstream_paho_flow.h"
#include "proxy/upstream_paho_uplink.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using protocol::ReasonCode;

// What was sent before the end of a link has this long to reach the broker.
constexpr auto drain_grace = 2s;

// How far a link is with its session.
enum class Stage {
  idle,     // no CONNECT yet
  opening,  // CONNECT is on its way
  open,     // CONNACK 0x00 was given
  closing,  // DISCONNECT or the link's end: what waits still goes out
  over,     // nothing more from the session is of use
};

// One link on the core. It outlives the session's handle until Paho has let go.
struct Link {
  Link(LinkId link_id, UpstreamEvents& session, PahoBudget& budget)
      : id(link_id), events(&session), flow(budget) {}

  const LinkId id;
  UpstreamEvents* events;  // null: the session has let go
  Stage stage = Stage::idle;
  bool told_end = false;                           // the session had its last event
  bool closed = false;                             // Paho's client is gone, or there was none
  bool starving = false;                           // stands in the line for budget
  std::optional<protocol::Disconnect> disconnect;  // to be sent when drained
  PahoFlow flow;
};

class UpstreamPaho final : public Upstream {
 public:
  UpstreamPaho(boost::asio::io_context& core, const UpstreamPahoOptions& options);
  ~UpstreamPaho() override;

  std::unique_ptr<UpstreamLink> open(UpstreamEvents& events) override;
  std::string address() const override;

  void send(Link& link, protocol::Packet&& packet);
  void let_go(Link& link);

 private:
  void accept(Link& link, protocol::Connect&& connect);
  void accept(Link& link, protocol::Publish&& publish);
  void accept(Link& link, protocol::Subscribe&& subscribe) { queue(link, std::move(subscribe)); }
  void accept(Link& link, protocol::Unsubscribe&& packet) { queue(link, std::move(packet)); }
  void accept(Link& link, protocol::Pubrel&& pubrel);
  void accept(Link& link, protocol::Puback&& puback) { link.flow.acknowledged(puback.packet_id); }
  // PUBREC is as good as PUBCOMP here: Paho has been through the broker's part.
  void accept(Link& link, protocol::Pubrec&& pubrec) { link.flow.acknowledged(pubrec.packet_id); }
  void accept(Link& link, protocol::Pubcomp&& packet) { link.flow.acknowledged(packet.packet_id); }
  void accept(Link& link, protocol::Disconnect&& disconnect);
  template <class Other>
  void accept(Link&, Other&&) {
    INVARIANT(false, "a session sends what upstream.h lists");
  }

  void connect(LinkId id, const std::string& address, protocol::Connect&& connect);
  void queue(Link& link, protocol::Packet&& packet);
  void pump(Link& link);
  void pump_starving();
  void begin_closing(Link& link);
  void answer_later(Link& link, protocol::Packet&& packet);

  void perform_burst();
  void perform(Link& link, protocol::Packet&& packet);
  void perform(Link& link, protocol::Connack&& connack);
  void perform(Link& link, protocol::Publish&& publish);
  void perform(Link& link, PublishDone&& done);
  void perform(Link& link, Lost&& lost);
  void perform(Link& link, Closed&&);
  void tell(Link& link, protocol::Packet&& packet);
  void tell_lost(Link& link, const std::string& why);
  void finish(Link& link);
  Link* find(LinkId id);

  const UpstreamPahoOptions options_;
  const std::shared_ptr<BrokerAddress> broker_;
  const std::shared_ptr<HandOver> hand_over_;
  PahoBudget budget_;
  std::unordered_map<LinkId, std::unique_ptr<Link>> links_;
  std::deque<LinkId> starving_;
  PahoUplink uplink_;
};

class PahoLink final : public UpstreamLink {
 public:
  PahoLink(UpstreamPaho& upstream, Link& link) : upstream_(upstream), link_(link) {}
  ~PahoLink() override { upstream_.let_go(link_); }
  void send(protocol::Packet&& packet) override { upstream_.send(link_, std::move(packet)); }
  bool can_take() const override { return !link_.flow.full(); }

 private:
  UpstreamPaho& upstream_;
  Link& link_;  // stays until let_go()
};

// Paho C 1.3.12 takes these even for plain MQTT, and knows no exceptions.
void forget_http_proxies() {
  for (const char* name : {"http_proxy", "https_proxy"}) unsetenv(name);
}

UpstreamPaho::UpstreamPaho(boost::asio::io_context& core, const UpstreamPahoOptions& options)
    : options_(options),
      broker_(std::make_shared<BrokerAddress>(core, options.host)),
      hand_over_(std::make_shared<HandOver>(core)),
      uplink_((forget_http_proxies(), hand_over_), options.connect_timeout) {
  hand_over_->on_burst([this] { perform_burst(); });
}

UpstreamPaho::~UpstreamPaho() {
  broker_->cancel();
  hand_over_->on_burst({});
  const auto deadline = std::chrono::steady_clock::now() + drain_grace;
  while (!links_.empty() && std::chrono::steady_clock::now() < deadline) {
    hand_over_->wait_until(deadline);
    perform_burst();
  }
}

std::string UpstreamPaho::address() const {
  return options_.host + ":" + std::to_string(options_.port);
}

std::unique_ptr<UpstreamLink> UpstreamPaho::open(UpstreamEvents& events) {
  const LinkId id = new_link_id();
  auto& link = links_[id] = std::make_unique<Link>(id, events, budget_);
  return std::make_unique<PahoLink>(*this, *link);
}

Link* UpstreamPaho::find(LinkId id) {
  const auto found = links_.find(id);
  return found == links_.end() ? nullptr : found->second.get();
}

// --- from the session

void UpstreamPaho::send(Link& link, protocol::Packet&& packet) {
  if (link.stage == Stage::closing || link.stage == Stage::over) return;
  std::visit([&](auto&& p) { accept(link, std::forward<decltype(p)>(p)); }, std::move(packet));
}

void UpstreamPaho::accept(Link& link, protocol::Connect&& connect) {
  INVARIANT(link.stage == Stage::idle, "CONNECT is the first packet");
  link.stage = Stage::opening;
  link.flow.opening(connect.version);
  broker_->get([this, id = link.id, packet = std::move(connect)](const std::string& found) mutable {
    this->connect(id, found, std::move(packet));
  });
}

void UpstreamPaho::connect(LinkId id, const std::string& address, protocol::Connect&& connect) {
  Link* const link = find(id);
  if (!link) return;
  if (link->stage != Stage::opening || address.empty()) {
    protocol::Connack connack;
    connack.reason = ReasonCode::server_unavailable;
    hand_over_->push({id, std::move(connack)});
    return hand_over_->push({id, Closed{}});
  }
  uplink_.open(id, {std::move(connect), address, options_.port, link->flow.inflow()});
}

void UpstreamPaho::accept(Link& link, protocol::Publish&& publish) {
  if (publish.qos == protocol::QoS::exactly_once && link.flow.repeated(publish.packet_id)) {
    return answer_later(link, protocol::Pubrec{.packet_id = publish.packet_id});
  }
  queue(link, std::move(publish));
}

void UpstreamPaho::accept(Link& link, protocol::Pubrel&& pubrel) {
  link.flow.released(pubrel.packet_id);
  answer_later(link, protocol::Pubcomp{.packet_id = pubrel.packet_id});
}

void UpstreamPaho::accept(Link& link, protocol::Disconnect&& disconnect) {
  if (link.stage == Stage::open) {
    link.disconnect = std::move(disconnect);
    begin_closing(link);
  } else {
    link.stage = Stage::over;
    uplink_.cut(link.id, 0ms);
  }
}

void UpstreamPaho::let_go(Link& link) {
  link.events = nullptr;
  if (link.stage == Stage::idle || link.closed) {
    links_.erase(link.id);
  } else if (link.stage == Stage::opening) {
    uplink_.cut(link.id, 0ms);
    link.stage = Stage::over;
  } else if (link.stage == Stage::open) {
    begin_closing(link);
  }
}

void UpstreamPaho::begin_closing(Link& link) {
  link.stage = Stage::closing;
  uplink_.cut(link.id, drain_grace);
  pump(link);
}

void UpstreamPaho::answer_later(Link& link, protocol::Packet&& packet) {
  hand_over_->push({link.id, std::move(packet)});
}

void UpstreamPaho::queue(Link& link, protocol::Packet&& packet) {
  if (link.flow.queue(std::move(packet))) pump(link);
}

// Hands Paho as much as the bounds allow, and the end of the connection after the last of it.
void UpstreamPaho::pump(Link& link) {
  while (auto packet = link.flow.take()) uplink_.send(link.id, std::move(*packet));
  if (link.flow.wants_budget() && !link.starving) {
    link.starving = true;
    starving_.push_back(link.id);
  }
  if (link.stage != Stage::closing || !link.flow.drained()) return;
  link.stage = Stage::over;
  if (link.disconnect) {
    uplink_.send(link.id, std::move(*link.disconnect));
  } else {
    uplink_.cut(link.id, 0ms);
  }
}

void UpstreamPaho::pump_starving() {
  for (std::size_t turns = starving_.size(); turns > 0 && budget_.has_room(); --turns) {
    Link* const link = find(starving_.front());
    starving_.pop_front();
    if (!link) continue;
    link->starving = false;
    pump(*link);
  }
}

// --- from Paho's threads

void UpstreamPaho::perform_burst() {
  for (auto& event : hand_over_->take()) {
    Link* const link = find(event.link);
    if (!link) continue;
    std::visit([&](auto&& what) { perform(*link, std::forward<decltype(what)>(what)); },
               std::move(event.what));
  }
  pump_starving();
}

void UpstreamPaho::perform(Link& link, protocol::Packet&& packet) {
  if (auto* connack = std::get_if<protocol::Connack>(&packet)) {
    return perform(link, std::move(*connack));
  }
  if (auto* publish = std::get_if<protocol::Publish>(&packet)) {
    return perform(link, std::move(*publish));
  }
  const bool is_answer = std::holds_alternative<protocol::Suback>(packet) ||
                         std::holds_alternative<protocol::Unsuback>(packet);
  if (is_answer) link.flow.answered();
  if (std::holds_alternative<protocol::Disconnect>(packet)) {
    tell(link, std::move(packet));
    return finish(link);
  }
  const LinkId id = link.id;
  tell(link, std::move(packet));
  if (Link* const still = find(id); still && is_answer) pump(*still);
}

void UpstreamPaho::perform(Link& link, protocol::Connack&& connack) {
  if (connack.reason == ReasonCode::server_unavailable) broker_->failed();
  if (link.stage != Stage::opening) return;
  if (protocol::is_error(connack.reason)) {
    tell(link, std::move(connack));
    return finish(link);
  }
  link.stage = Stage::open;
  link.flow.opened(connack);
  tell(link, std::move(connack));
}

void UpstreamPaho::perform(Link& link, protocol::Publish&& publish) {
  const bool at_most_once = publish.qos == protocol::QoS::at_most_once;
  const std::size_t size = held_bytes(publish);
  if (!link.events || link.told_end) return link.flow.handed_over(size);
  if (!link.flow.number(publish)) {
    uplink_.cut(link.id, 0ms);
    return tell_lost(link, "the client leaves 65,535 messages unacknowledged");
  }
  // QoS 0 is the session's from here on.
  if (at_most_once) link.flow.handed_over(size);
  tell(link, std::move(publish));
}

void UpstreamPaho::perform(Link& link, PublishDone&& done) {
  auto answer = link.flow.settled(done);
  pump(link);
  if (answer) {
    const LinkId id = link.id;
    tell(link, std::move(*answer));
    if (!find(id)) return;
  }
  if (link.flow.became_ready() && link.events && !link.told_end) link.events->on_upstream_ready();
}

void UpstreamPaho::perform(Link& link, Lost&& lost) {
  if (link.stage == Stage::opening) {
    protocol::Connack connack;
    connack.reason = ReasonCode::server_unavailable;
    return perform(link, std::move(connack));
  }
  tell_lost(link, lost.why);
}

void UpstreamPaho::perform(Link& link, Closed&&) {
  const LinkId id = link.id;
  link.closed = true;
  perform(link, Lost{"the connection to the broker is closed"});
  if (Link* const still = find(id); still && !still->events) links_.erase(id);
}

void UpstreamPaho::tell(Link& link, protocol::Packet&& packet) {
  if (link.events && !link.told_end) link.events->on_upstream(std::move(packet));
}

void UpstreamPaho::tell_lost(Link& link, const std::string& why) {
  UpstreamEvents* const events = link.told_end ? nullptr : link.events;
  finish(link);
  if (events) events->on_upstream_lost(why);
}

// Nothing more from or to the session.
void UpstreamPaho::finish(Link& link) {
  link.stage = Stage::over;
  link.told_end = true;
  link.flow.give_back();
}

}  // namespace

std::unique_ptr<Upstream> make_upstream_paho(boost::asio::io_context& core,
                                             const UpstreamPahoOptions& options) {
  return std::make_unique<UpstreamPaho>(core, options);
}

}  // namespace proxy
