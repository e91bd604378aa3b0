#include "proxy/handlers/handlers.h"
#include "proxy/session.h"

namespace proxy::handlers {

// Answered here: the broker has its own keep alive with the link.
void on_pingreq(Session& session) { session.send(protocol::Pingresp{}); }

}  // namespace proxy::handlers
