#include "proxy/upstream_paho_link.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "dispatch/invariant.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using protocol::ReasonCode;

// What was sent before the end of a link has this long to reach the broker.
constexpr auto drain_grace = 2s;
// Paho has this long to notice that its connection is gone.
constexpr auto paho_grace = 2s;
// Beyond this the broker's messages wait in its socket until Paho has handed over half.
constexpr std::size_t max_in_transit_bytes = 1U << 20;
// As long as the broker's socket has taken no more than this, no more goes to Paho.
constexpr std::size_t max_unsent_bytes = 1U << 20;

template <class P>
constexpr bool passes_beside_paho =
    std::is_same_v<P, protocol::Puback> || std::is_same_v<P, protocol::Pubrec> ||
    std::is_same_v<P, protocol::Pubrel> || std::is_same_v<P, protocol::Pubcomp>;
template <class P>
constexpr bool keeps_order =
    std::is_same_v<P, protocol::Publish> || std::is_same_v<P, protocol::Subscribe> ||
    std::is_same_v<P, protocol::Unsubscribe> || std::is_same_v<P, protocol::Pingreq>;

}  // namespace

PahoLinks::PahoLinks(boost::asio::io_context& the_core, std::chrono::milliseconds timeout,
                     const BrokerTarget& target, std::shared_ptr<boost::asio::ssl::context> tls)
    : core(the_core),
      connect_timeout(timeout),
      streams(the_core, target, std::move(tls)),
      broker_address(std::make_shared<BrokerAddress>(the_core, target.host)),
      hand_over(std::make_shared<HandOver>(the_core)),
      uplink(hand_over) {}

PahoLink::PahoLink(LinkId id, UpstreamEvents& session, PahoLinks& links)
    : id_(id), events_(&session), links_(links), flow_(links.budget), timer_(links.core) {}

PahoLink::~PahoLink() {
  *alive_ = false;
  if (stream_) stream_->close();
  if (pipe_) PahoPipes::instance().remove(id_);
}

void PahoLink::set_stage(Stage stage) {
  const bool has_turn = stage_ == Stage::waiting || stage_ == Stage::opening;
  const bool wants_turn = stage == Stage::waiting || stage == Stage::opening;
  const bool was_closing = stage_ == Stage::closing;
  stage_ = stage;
  if (has_turn && !wants_turn) links_.turn_over(id_);
  if (stage == Stage::closing) links_.ending(client_id());
  if (was_closing) links_.ended(client_id());
}

// --- from the session

void PahoLink::send(protocol::Packet&& packet) {
  std::visit([this](auto&& p) { accept(std::forward<decltype(p)>(p)); }, std::move(packet));
}

template <class P>
void PahoLink::accept(P&& packet) {
  using Type = std::remove_cvref_t<P>;
  if constexpr (std::is_same_v<Type, protocol::Connect>) {
    INVARIANT(stage_ == Stage::idle, "CONNECT is the first packet");
    bridge_.emplace(std::forward<P>(packet));
    stage_ = Stage::waiting;
    arm(links_.connect_timeout);
    links_.line_up(id_);
  } else if constexpr (std::is_same_v<Type, protocol::Disconnect>) {
    if (stage_ == Stage::open) disconnect_ = std::forward<P>(packet);
    begin_closing();
  } else if constexpr (keeps_order<Type>) {
    if (stage_ != Stage::open) return;
    if constexpr (std::is_same_v<Type, protocol::Pingreq>) {
      if (flow_.drained()) return ping();
    }
    need_paho();
    flow_.queue(std::forward<P>(packet));
    pump();
  } else if constexpr (passes_beside_paho<Type>) {
    if (stage_ != Stage::open) return;
    bridge_->send(std::forward<P>(packet));
    flush();
  } else {
    INVARIANT(false, "a session sends what upstream.h lists");
  }
}

void PahoLink::let_go() {
  events_ = nullptr;
  handle_gone_ = true;
  begin_closing();
  if (!pipe_ && stage_ == Stage::over) links_.forget(id_);
}

void PahoLink::begin_closing() {
  if (stage_ == Stage::open) {
    set_stage(Stage::closing);
    arm(drain_grace);
    pump();
  } else if (stage_ == Stage::idle || stage_ == Stage::waiting || stage_ == Stage::opening) {
    leave();
  }
}

// --- CONNECT

void PahoLink::start() {
  links_.broker_address->get([this, alive = alive_](const std::string& found) {
    if (*alive && stage_ == Stage::waiting) connect_to(found);
  });
}

void PahoLink::connect_to(const std::string& address) {
  if (address.empty()) {
    why_lost_ = "the broker's name can't be looked up";
    return refuse();
  }
  set_stage(Stage::opening);
  stream_ = links_.streams.make(*this);
  stream_->connect(address);
}

void PahoLink::on_stream_connected() {
  stream_connected_ = true;
  flush();
}

void PahoLink::on_connack() {
  if (stage_ != Stage::opening) return;
  if (protocol::is_error(bridge_->connack->reason)) return refuse();
  const protocol::Connack connack = *bridge_->connack;
  set_stage(Stage::open);
  keep_alive_ =
      std::chrono::seconds(connack.properties.number(protocol::PropertyId::server_keep_alive)
                               .value_or(bridge_->connect().keep_alive_s));
  keep_alive();
  tell(protocol::Packet(connack));
}

// With the first packet that Paho carries: a client that uses nothing but queues costs no more than
// its two connections.
void PahoLink::need_paho() {
  if (pipe_ || stage_ != Stage::open) return;
  pipe_ = std::make_shared<PahoPipe>([hand_over = links_.hand_over, id = id_] {
    hand_over->push({id, Written{}});
  });
  links_.uplink.open(id_, {bridge_->connect(), PahoPipes::instance().add(id_, pipe_)});
}

void PahoLink::perform(Connected connected) {
  if (!connected.connection) return perform(Lost{"there is no Paho client for the connection"});
  if (stage_ != Stage::open && stage_ != Stage::closing) return;
  paho_ = connected.connection;
  flow_.opened(bridge_->version(), *bridge_->connack);
  pump();
  tell_ready();
}

// With the broker's CONNACK if it refused, in silence if it closed in silence, else with a CONNACK
// that says that it can't be reached.
void PahoLink::refuse() {
  const bool refused = bridge_->connack && protocol::is_error(bridge_->connack->reason);
  if (!refused && stream_connected_ && !stream_) return tell_lost(why_lost_);
  protocol::Connack connack;
  if (refused) {
    connack = *bridge_->connack;
  } else {
    connack.reason = ReasonCode::server_unavailable;
    connack.properties.add(protocol::PropertyId::reason_string,
                           why_lost_.empty() ? "the broker doesn't answer" : why_lost_);
    links_.broker_address->failed();
  }
  leave();
  if (auto* const events = std::exchange(events_, nullptr)) events->on_upstream(std::move(connack));
}

// --- to the broker

void PahoLink::feed() {
  starving_ = false;
  pump();
  tell_ready();
}

// Hands Paho as much as the bounds allow, and the end of the connection after the last of it.
void PahoLink::pump() {
  if (!stream_) return;
  while (stream_->unsent_bytes() < max_unsent_bytes) {
    auto packet = flow_.take();
    if (!packet) break;
    if (std::holds_alternative<protocol::Pingreq>(*packet)) {
      flow_.left(1, held_bytes(*packet));
      ping();
      continue;
    }
    bridge_->entering(*packet);
    paho_->send(*packet);
    links_.uplink.sent();
  }
  if (flow_.wants_budget() && !starving_) {
    starving_ = true;
    links_.starve(id_);
  }
  if (stage_ == Stage::closing) end_when_drained();
}

void PahoLink::end_when_drained() {
  if (!flow_.drained()) return;
  if (disconnect_) bridge_->send(*disconnect_);
  flush();
  leave();
}

void PahoLink::perform(Written) {
  if (!pipe_) return;
  const std::string bytes = pipe_->take();
  const auto written =
      bridge_->from_paho({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  feed_paho();
  flow_.left(written.packets, written.bytes);
  flush();
  if (written.packets == 0) return;
  pump();
  tell_ready();
}

void PahoLink::flush() {
  if (!stream_ || !stream_connected_ || bridge_->to_broker.empty()) return;
  stream_->send(bridge_->to_broker);
  bridge_->to_broker.clear();
  last_sent_ = std::chrono::steady_clock::now();
}

void PahoLink::on_stream_sent() {
  pump();
  tell_ready();
}

void PahoLink::perform(Done done) {
  flow_.left(done.packets, done.bytes);
  bridge_->answered(done.packets);
  const auto alive = alive_;
  tell_answers();
  if (!*alive) return;
  pump();
  tell_ready();
}

// --- from the broker

// The session's; beside Paho, whose pings nobody sees.
void PahoLink::ping() {
  note_ping();
  bridge_->send(protocol::Pingreq{});
  flush();
}

void PahoLink::feed_paho() {
  if (bridge_->to_paho.empty()) return;
  need_paho();
  if (!pipe_ || !bridge_->listens()) return;
  pipe_->feed(bridge_->to_paho);
  bridge_->to_paho.clear();
}

std::size_t PahoLink::on_stream_bytes(std::span<const std::uint8_t> bytes) {
  const bool was_answered = bridge_->connack.has_value();
  const auto used = bridge_->from_broker(bytes);
  const auto alive = alive_;
  if (!was_answered && bridge_->connack) on_connack();
  if (!*alive || !stream_) return bytes.size();
  feed_paho();
  if (!used) {
    give_up("the broker breaks the protocol: " + used.error().text);
    return bytes.size();
  }
  if (!paused_ && bridge_->in_transit_bytes() > max_in_transit_bytes) {
    paused_ = true;
    stream_->pause(true);
  }
  tell_answers();
  return *used;
}

void PahoLink::perform(protocol::Publish&& publish) {
  bridge_->handed_over(publish);
  if (paused_ && stream_ && bridge_->in_transit_bytes() < max_in_transit_bytes / 2) {
    paused_ = false;
    stream_->pause(false);
  }
  const auto alive = alive_;
  tell(std::move(publish));
  if (*alive) tell_answers();
}

// --- the end

// The broker went away. Paho hands over what came before, then notices, and so does the session.
void PahoLink::on_stream_closed(const std::string& why) {
  stream_.reset();
  why_lost_ = why;
  if (pipe_) pipe_->end();
  if (stage_ == Stage::opening) return refuse();
  if (stage_ == Stage::closing) return leave();
  if (stage_ == Stage::open && !pipe_) tell_lost(why);
}

// The connection is of no more use.
void PahoLink::give_up(const std::string& why) {
  if (stream_) stream_->close();
  on_stream_closed(why);
}

void PahoLink::perform(Lost&& lost) { tell_lost(why_lost_.empty() ? lost.why : why_lost_); }

void PahoLink::perform(Ended) {
  paho_ = nullptr;
  links_.uplink.destroy(id_);
}

void PahoLink::perform(Closed) {
  PahoPipes::instance().remove(id_);
  pipe_.reset();
  const auto alive = alive_;
  perform(Lost{"the connection to the broker is closed"});
  if (*alive && handle_gone_) links_.forget(id_);
}

// Nothing more goes to or comes from the session. What was sent goes out, then the connection ends
// as if the network had failed, unless DISCONNECT was the last of it.
void PahoLink::leave() {
  set_stage(Stage::over);
  flow_.give_back();
  if (stream_) stream_->finish();
  stream_.reset();
  if (!pipe_) {
    timer_.cancel();
    return;
  }
  pipe_->end();
  arm(paho_grace);
}

void PahoLink::tell_lost(const std::string& why) {
  auto* const events = std::exchange(events_, nullptr);
  leave();
  if (events) events->on_upstream_lost(why);
}

void PahoLink::tell_last(protocol::Packet& packet) {
  auto* const events = std::exchange(events_, nullptr);
  leave();
  if (events) events->on_upstream(std::move(packet));
}

void PahoLink::tell(protocol::Packet&& packet) {
  if (events_) events_->on_upstream(std::move(packet));
}

// Before CONNACK is told there is nobody to answer. What the broker is through with makes room.
void PahoLink::tell_answers() {
  if (stage_ < Stage::open || !bridge_) return;
  const auto alive = alive_;
  bool room = false;
  while (auto answer = bridge_->next_answer()) {
    if (const auto id = finished_by(*answer)) {
      flow_.finished(id);
      room = true;
    }
    if (std::holds_alternative<protocol::Disconnect>(*answer)) return tell_last(*answer);
    tell(std::move(*answer));
    if (!*alive) return;
  }
  if (!room) return;
  pump();
  tell_ready();
}

void PahoLink::tell_ready() {
  if (flow_.became_ready() && events_) events_->on_upstream_ready();
}

// --- time: for CONNECT, then between pings, then for the end

void PahoLink::arm(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (!error && *alive) on_timer();
  });
}

void PahoLink::on_timer() {
  switch (stage_) {
    case Stage::idle:
      break;
    case Stage::waiting:
    case Stage::opening:
      refuse();
      break;
    case Stage::open:
      keep_alive();
      break;
    case Stage::closing:
      leave();
      break;
    case Stage::over:
      perform(Ended{});
  }
}

// The client's own Keep Alive, or the one that the broker set, is kept towards the broker: when
// nothing was sent for three quarters of it, a PINGREQ is. That it is not answered in time says
// that the broker is gone.
void PahoLink::keep_alive() {
  if (keep_alive_ == 0s) {
    timer_.cancel();
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (bridge_->pinged() && now - pinged_ >= std::max<std::chrono::seconds>(keep_alive_, 5s)) {
    return give_up("the broker doesn't answer");
  }
  const std::chrono::milliseconds interval = std::chrono::milliseconds(keep_alive_) * 3 / 4;
  if (now - last_sent_ >= interval) {
    note_ping();
    bridge_->ping();
    flush();
  }
  arm(std::chrono::ceil<std::chrono::milliseconds>(last_sent_ + interval - now) + 1ms);
}

void PahoLink::note_ping() {
  if (!bridge_->pinged()) pinged_ = std::chrono::steady_clock::now();
}

}  // namespace proxy
