#include "proxy/handlers/handlers.h"
#include "proxy/session.h"

namespace proxy::handlers {

// Enhanced authentication needs the broker's AUTH, which Paho can't carry; a CONNECT that asks for
// it was refused already, so no AUTH can be right here [MQTT-4.12.0-6].
void on_auth(Session& session, const protocol::Auth&) {
  session.end(protocol::ReasonCode::protocol_error, "AUTH without an Authentication Method");
}

}  // namespace proxy::handlers
