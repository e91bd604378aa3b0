// The life of a Session: from accept through CONNECT to its end, and what the link and the queues
// tell it meanwhile.

#include "proxy/session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "dispatch/invariant.h"
#include "proxy/handlers/handlers.h"
#include "proxy/log.h"
#include "proxy/message.h"
#include "proxy/on_packet.h"
#include "proxy/session_record.h"

namespace proxy {
namespace {

namespace asio = boost::asio;
using protocol::ReasonCode;

// For the last bytes of a session that has ended to reach its client.
constexpr std::chrono::milliseconds kLinger{2'000};

// True if the reason code alone says what the client did wrong. A broker says no more either; a
// Reason String is for what only Sluice would end a session for.
bool says_enough(ReasonCode reason) {
  switch (reason) {
    case ReasonCode::malformed_packet:
    case ReasonCode::protocol_error:
    case ReasonCode::keep_alive_timeout:
    case ReasonCode::session_taken_over:
    case ReasonCode::packet_too_large:
    case ReasonCode::topic_alias_invalid:
      return true;
    default:
      return false;
  }
}

std::string name_of_peer(const asio::ip::tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return "unknown";
  return endpoint.address().to_string() + ":" + std::to_string(endpoint.port());
}

}  // namespace

Session::Session(const SessionContext& context, asio::ip::tcp::socket socket)
    : context_(context),
      socket_(std::move(socket)),
      peer_(name_of_peer(socket_)),
      gate_(context.core),
      timer_(context.core),
      last_read_(std::chrono::steady_clock::now()) {
  context_.registry.add(*this);
}

Session::~Session() { context_.registry.remove(*this); }

void Session::start() {
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  arm_timer(std::chrono::seconds(context_.config.connect_timeout_s));
  asio::co_spawn(
      context_.core, [self = shared_from_this()] { return self->read_loop(); }, asio::detached);
}

void Session::open_link(protocol::Connect&& connect) {
  phase_ = Phase::connecting;
  asked_client_id_ = connection_.client_id;  // the broker may assign another
  context_.registry.connecting(asked_client_id_);
  timer_.cancel();  // the link answers in bounded time
  link_ = context_.upstream.open(*this);
  link_->send(std::move(connect));
}

void Session::opened(std::unique_ptr<SessionState> state) {
  if (state) state_ = std::move(state);
  phase_ = Phase::open;
  context_.registry.connected(asked_client_id_);
  dispatch::SessionLimits limits;
  limits.receive_maximum = connection_.receive_maximum;
  limits.max_packet_bytes = connection_.max_packet_bytes;
  limits.user_properties = v5();
  queue_session_ = queues().open_session(*this, limits);
  last_read_ = std::chrono::steady_clock::now();
  if (connection_.keep_alive_s != 0) arm_timer(std::chrono::seconds(connection_.keep_alive_s));
  log().debug("{} connected from {}", connection_.client_id, peer_);
  open_gate();
}

void Session::publish_answered() {
  INVARIANT(publishes_open_ > 0, "an answer to a publish that is not open");
  --publishes_open_;
  open_gate();
}

// --- The end, whoever wants it ---

void Session::end(ReasonCode reason, const std::string& why) {
  if (phase_ == Phase::ended) return;
  log().info("{} [{}] ended by sluice: {}", connection_.client_id, peer_, why);
  if (phase_ == Phase::open && v5()) {
    protocol::Disconnect disconnect;
    disconnect.reason = reason;
    if (connection_.problem_information && !says_enough(reason)) {
      disconnect.properties.add(protocol::PropertyId::reason_string, why);
    }
    send(disconnect);
  }
  // A consumer is not to blame for our shutdown or the broker's absence: no failed attempt.
  leave(reason == ReasonCode::server_shutting_down ? dispatch::Leave::orderly
                                                   : dispatch::Leave::lost);
}

void Session::end_soon(ReasonCode reason, const std::string& why) {
  asio::post(context_.core, [self = shared_from_this(), reason, why] { self->end(reason, why); });
}

void Session::ended_by_client(dispatch::Leave how, const std::string& why) {
  if (phase_ == Phase::ended) return;
  log().debug("{} [{}] left: {}", connection_.client_id, peer_, why);
  leave(how);
  close_socket();
}

void Session::ended_by_broker(const protocol::Disconnect& disconnect) {
  if (phase_ == Phase::ended) return;
  log().info("{} [{}] ended by the broker: {}", connection_.client_id, peer_,
             protocol::name(disconnect.reason));
  if (v5()) send(disconnect);
  // Whoever is replaced by a new connection of the same client is lost; the rest is the broker's
  // decision.
  const bool lost = disconnect.reason == ReasonCode::session_taken_over;
  leave(lost ? dispatch::Leave::lost : dispatch::Leave::orderly);
}

void Session::refused(const std::string& why) {
  log().info("{} [{}] refused: {}", connection_.client_id, peer_, why);
  leave(dispatch::Leave::orderly);
}

// Gives back what the session holds: deliveries to their queues, the link to the broker, its state
// to the registry. What was sent before still goes out, then the socket is closed.
void Session::leave(dispatch::Leave how) {
  const bool was_open = phase_ == Phase::open;
  if (phase_ == Phase::connecting) context_.registry.connected(asked_client_id_);
  phase_ = Phase::ended;
  close_when_written_ = true;
  held_.clear();
  if (was_open) {
    for (const auto refused : queues().close_session(queue_session_, how))
      state_->incoming.erase(refused);
    leave_will();
    context_.registry.release(connection_.client_id, *this);
    if (connection_.session_expiry_s != 0 && !connection_.client_id.empty()) {
      keep_state();
    } else {
      forget_record();
    }
  }
  // Not here: this may be an event of the link itself.
  if (link_) {
    asio::post(context_.core, [self = shared_from_this(), link = std::move(link_)] {});
  }
  if (out_.empty() && !write_under_way_) {
    close_socket();
    return;
  }
  request_flush();
  arm_timer(kLinger);
  open_gate();
}

// Off after a DISCONNECT 0x00 [MQTT-3.14.4-3]; else it fires, at the end of the session at the
// latest.
void Session::leave_will() {
  auto& will = connection_.queue_will;
  if (!will) return;
  const auto delay =
      std::min(will->properties.number(protocol::PropertyId::will_delay_interval).value_or(0),
               connection_.session_expiry_s);
  protocol::Publish publish;
  publish.topic = std::move(will->topic);
  publish.payload = std::move(will->payload);
  publish.properties = std::move(will->properties);
  will.reset();
  context_.wills.schedule(
      connection_.client_id,
      make_message(std::move(publish), connection_.client_id, connection_.username, queues().now()),
      std::chrono::seconds(delay));
}

void Session::keep_state() {
  state_->connection_ended();
  const auto now = queues().now();
  if (state_->recorded) put_record(now);
  context_.registry.keep(connection_.client_id, std::move(state_),
                         expiry_of(connection_.session_expiry_s, now));
  state_ = std::make_unique<SessionState>();
}

void Session::put_record(std::optional<dispatch::Time> ended_at, std::function<void()> done) {
  const SessionRecord record{state_->queue_subscriptions, connection_.session_expiry_s, ended_at};
  state_->recorded = true;
  queues().put_session(connection_.client_id, encode_record(record), std::move(done));
}

void Session::forget_record(std::function<void()> done) {
  if (state_->recorded) queues().put_session(connection_.client_id, {}, std::move(done));
  state_->recorded = false;
}

void Session::record_subscriptions(std::function<void()> then) {
  const bool outlives = connection_.session_expiry_s != 0 && !connection_.client_id.empty();
  const bool any = !state_->queue_subscriptions.empty();
  if (!outlives || (!any && !state_->recorded)) {
    then();
    return;
  }
  auto done = [self = shared_from_this(), then = std::move(then)] {
    if (self->phase_ == Phase::open) then();
  };
  if (any) {
    put_record(std::nullopt, std::move(done));
  } else {
    forget_record(std::move(done));
  }
}

// --- Time: one timer for CONNECT, then Keep Alive, then the linger ---

void Session::arm_timer(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([self = weak_from_this()](const boost::system::error_code& error) {
    const auto session = self.lock();
    if (!error && session) session->on_timer();
  });
}

void Session::on_timer() {
  switch (phase_) {
    case Phase::expecting_connect:
      end(ReasonCode::keep_alive_timeout, "no CONNECT within connect_timeout_s");
      return;
    case Phase::connecting:
      return;
    case Phase::open: {
      // One and a half times the Keep Alive [MQTT-3.1.2-22].
      const auto allowed = std::chrono::milliseconds(1500) * connection_.keep_alive_s;
      const auto silent = std::chrono::steady_clock::now() - last_read_;
      if (silent >= allowed && may_read()) {
        end(ReasonCode::keep_alive_timeout, "nothing received for 1.5 times the Keep Alive");
      } else {
        const auto rest = std::chrono::ceil<std::chrono::milliseconds>(allowed - silent);
        arm_timer(std::max(rest, std::chrono::milliseconds(100)));
      }
      return;
    }
    case Phase::ended:
      close_socket();
  }
}

// --- What the link says ---

void Session::on_upstream(protocol::Packet&& packet) {
  if (phase_ != Phase::ended) on_broker_packet(*this, std::move(packet));
}

void Session::on_upstream_lost(const std::string& why) {
  if (phase_ == Phase::connecting) {
    // The broker has closed without a CONNACK, and so do we.
    refused("the broker has closed the connection: " + why);
  } else if (context_.registry.is_connecting(connection_.client_id)) {
    end(ReasonCode::session_taken_over, "another client connects as " + connection_.client_id);
  } else {
    // 0x88, which says it best, may not stand in a DISCONNECT [MQTT-3.14.2.1].
    end(ReasonCode::server_shutting_down, "the connection to the broker is lost: " + why);
  }
}

bool Session::can_do_without_broker() const {
  const bool uses_queues = connection_.produces || !state_->queue_subscriptions.empty();
  return phase_ == Phase::open && uses_queues &&
         !context_.registry.is_connecting(connection_.client_id);
}

// --- What the queues say. None of these may call the queue service. ---

void Session::on_delivery(dispatch::Deliver&& delivery) {
  if (phase_ != Phase::open) return;
  held_.push_back(std::move(delivery));
  deliver_held();
}

// The queue core counts with what plain traffic used when it decided; a message of the broker may
// have come in between and taken the room.
void Session::deliver_held() {
  while (holding_ == 0 && !held_.empty() && has_room()) {
    dispatch::Deliver delivery = std::move(held_.front());
    held_.pop_front();
    handlers::on_delivery(*this, std::move(delivery));
  }
}

void Session::release_deliveries() {
  --holding_;
  deliver_held();
}

void Session::free_slot_soon() {
  asio::post(context_.core, [self = shared_from_this()] {
    if (self->phase_ == Phase::open) self->queues().free_slot(self->queue_session_);
  });
}

void Session::on_stored(protocol::PacketId packet_id) {
  if (phase_ == Phase::open) handlers::on_stored(*this, packet_id);
}

void Session::on_store_failed(protocol::PacketId packet_id, const dispatch::Error& why) {
  if (phase_ == Phase::open) handlers::on_store_failed(*this, packet_id, why);
}

void Session::on_consumers_lost() {
  held_.clear();
  settle_with_out_.clear();
  settle_with_writing_.clear();
  for (auto& [filter, subscription] : state_->queue_subscriptions) subscription.consumer = {};
  state_->slots = 0;
  // The packet identifiers stay in use until the client acknowledges.
  for (auto& [id, flight] : state_->outgoing) {
    flight.consumer = {};
    flight.holds_slot = false;
  }
}

void Session::resubscribe() {
  if (phase_ != Phase::open) return;
  queues().set_writable(queue_session_, writable_);
  handlers::resubscribe(*this);
  record_subscriptions([] {});  // the last record may have failed with the journal
}

}  // namespace proxy
