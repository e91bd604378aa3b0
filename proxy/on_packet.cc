#include "proxy/on_packet.h"

#include <utility>

#include "proxy/handlers/handlers.h"
#include "proxy/log.h"
#include "proxy/overloaded.h"
#include "proxy/protocol/print.h"
#include "proxy/session.h"

namespace proxy {
namespace {

using protocol::ReasonCode;

// Only the first packet may be CONNECT, which the read loop has seen to [MQTT-3.1.0-2].
bool in_order(Session& session, const protocol::Packet& packet) {
  const bool is_connect = std::holds_alternative<protocol::Connect>(packet);
  if (!is_connect || session.phase() == Session::Phase::expecting_connect) return true;
  session.end(ReasonCode::protocol_error, "a second CONNECT");
  return false;
}

}  // namespace

void on_client_packet(Session& session, protocol::Packet&& packet) {
  if (!in_order(session, packet)) return;
  using namespace handlers;
  std::visit(Overloaded{
                 [&](protocol::Connect& p) { on_connect(session, std::move(p)); },
                 [&](protocol::Publish& p) {
                   ++session.context().traffic.publishes_from_clients;
                   on_publish(session, std::move(p));
                 },
                 [&](protocol::Puback& p) { on_puback(session, p); },
                 [&](protocol::Pubrec& p) { on_pubrec(session, p); },
                 [&](protocol::Pubrel& p) { on_pubrel(session, p); },
                 [&](protocol::Pubcomp& p) { on_pubcomp(session, p); },
                 [&](protocol::Subscribe& p) { on_subscribe(session, std::move(p)); },
                 [&](protocol::Unsubscribe& p) { on_unsubscribe(session, std::move(p)); },
                 [&](protocol::Pingreq&) { on_pingreq(session); },
                 [&](protocol::Disconnect& p) { on_disconnect(session, std::move(p)); },
                 [&](protocol::Auth& p) { on_auth(session, p); },
                 [&](auto&) {
                   session.end(ReasonCode::protocol_error, "a packet that only servers send");
                 },
             },
             packet);
}

void on_broker_packet(Session& session, protocol::Packet&& packet) {
  using namespace handlers;
  std::visit(Overloaded{
                 [&](protocol::Connack& p) { on_connack(session, std::move(p)); },
                 [&](protocol::Publish& p) {
                   ++session.context().traffic.publishes_from_broker;
                   on_broker_publish(session, std::move(p));
                 },
                 [&](protocol::Puback& p) { on_broker_puback(session, std::move(p)); },
                 [&](protocol::Pubrec& p) { on_broker_pubrec(session, std::move(p)); },
                 [&](protocol::Pubrel& p) { on_broker_pubrel(session, std::move(p)); },
                 [&](protocol::Pubcomp& p) { on_broker_pubcomp(session, std::move(p)); },
                 [&](protocol::Suback& p) { on_suback(session, std::move(p)); },
                 [&](protocol::Pingresp& p) { session.send(p); },
                 [&](protocol::Unsuback& p) { on_unsuback(session, std::move(p)); },
                 [&](protocol::Disconnect& p) { on_broker_disconnect(session, p); },
                 [&](auto&) { log().error("the link sent a packet that brokers don't send"); },
             },
             packet);
}

void on_bad_packet(Session& session, const protocol::DecodeError& error) {
  if (session.phase() == Session::Phase::expecting_connect) {
    handlers::refuse_connect(session, error);
  } else {
    session.end(error.reason, error.text);
  }
}

void log_packet(const Session& session, std::string_view direction,
                const protocol::Packet& packet) {
  log().trace("{} {} {}", session.peer(), direction, protocol::to_text(packet));
}

}  // namespace proxy
