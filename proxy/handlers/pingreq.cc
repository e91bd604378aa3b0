#include "proxy/handlers/handlers.h"
#include "proxy/session.h"

namespace proxy::handlers {

// The broker answers, behind what it sent before: clients take a PINGRESP for the sign that
// everything has arrived.
void on_pingreq(Session& session) { session.link().send(protocol::Pingreq{}); }

}  // namespace proxy::handlers
