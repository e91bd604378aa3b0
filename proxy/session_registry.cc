#include "proxy/session_registry.h"

#include <utility>

#include "proxy/session.h"

namespace proxy {

Session* SessionRegistry::holder(const std::string& client_id) const {
  const auto found = holders_.find(client_id);
  return found == holders_.end() ? nullptr : found->second;
}

void SessionRegistry::hold(const std::string& client_id, Session& session) {
  holders_.insert_or_assign(client_id, &session);
}

void SessionRegistry::release(const std::string& client_id, const Session& session) {
  const auto found = holders_.find(client_id);
  if (found != holders_.end() && found->second == &session) holders_.erase(found);
}

void SessionRegistry::connecting(const std::string& client_id) {
  if (!client_id.empty()) ++connecting_[client_id];
}

void SessionRegistry::connected(const std::string& client_id) {
  const auto found = connecting_.find(client_id);
  if (found != connecting_.end() && --found->second == 0) connecting_.erase(found);
}

void SessionRegistry::keep(const std::string& client_id, std::unique_ptr<SessionState> state,
                           dispatch::Time expires_at) {
  kept_.insert_or_assign(client_id, Kept{std::move(state), expires_at});
}

std::unique_ptr<SessionState> SessionRegistry::take_kept(const std::string& client_id,
                                                         dispatch::Time now) {
  auto found = kept_.extract(client_id);
  if (found.empty() || found.mapped().expires_at <= now) return nullptr;
  return std::move(found.mapped().state);
}

std::vector<std::string> SessionRegistry::drop_expired(dispatch::Time now) {
  std::vector<std::string> recorded;
  std::erase_if(kept_, [&](const auto& entry) {
    const auto& [client_id, kept] = entry;
    if (kept.expires_at > now) return false;
    if (kept.state->recorded) recorded.push_back(client_id);
    return true;
  });
  return recorded;
}

}  // namespace proxy
