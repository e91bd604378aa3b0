#include "proxy/handlers/handlers.h"
#include "proxy/log.h"
#include "proxy/session.h"

namespace proxy::handlers {

using protocol::PropertyId;
using protocol::ReasonCode;

void on_disconnect(Session& session, protocol::Disconnect&& disconnect) {
  if (const auto expiry = disconnect.properties.number(PropertyId::session_expiry_interval)) {
    // What was 0 at CONNECT stays 0 [MQTT-3.14.2-2].
    if (session.connection().session_expiry_s == 0 && *expiry != 0) {
      session.end(ReasonCode::protocol_error, "Session Expiry Interval was 0 at CONNECT");
      return;
    }
    session.connection().session_expiry_s = *expiry;
  }
  if (disconnect.reason == ReasonCode::success) session.connection().queue_will.reset();
  session.link().send(std::move(disconnect));
  session.ended_by_client(dispatch::Leave::orderly, "DISCONNECT");
}

// The broker ends the session: its reason and properties reach the client as they are.
void on_broker_disconnect(Session& session, const protocol::Disconnect& disconnect) {
  session.ended_by_broker(disconnect);
}

}  // namespace proxy::handlers
