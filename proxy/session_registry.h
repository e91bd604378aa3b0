#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "dispatch/time.h"
#include "proxy/session_state.h"

namespace proxy {

class Session;

// Who is connected, by client identifier, and what sessions without a connection left behind
// [MQTT-3.1.2.4]. Sessions enter when the broker has accepted them: only the broker decides who may
// use a client identifier.
class SessionRegistry {
 public:
  // --- Every connection, identified or not: to end them all ---
  void add(Session& session) { sessions_.insert(&session); }
  void remove(Session& session) { sessions_.erase(&session); }
  const std::unordered_set<Session*>& all() const { return sessions_; }

  // --- Identified ones ---
  // The session that holds this client identifier; nullptr if none does.
  Session* holder(const std::string& client_id) const;
  void hold(const std::string& client_id, Session& session);
  void release(const std::string& client_id, const Session& session);

  // Those that wait for the broker's CONNACK, by the client identifier that they asked for. A
  // broker that takes a session over may close the old connection before it answers the new one.
  void connecting(const std::string& client_id);
  void connected(const std::string& client_id);
  bool is_connecting(const std::string& client_id) const { return connecting_.contains(client_id); }

  // --- State of sessions without a connection ---
  void keep(const std::string& client_id, std::unique_ptr<SessionState> state,
            dispatch::Time expires_at);
  // nullptr if none is kept or it has expired.
  std::unique_ptr<SessionState> take_kept(const std::string& client_id, dispatch::Time now);
  // Drops what has expired by now, and tells whose records can be forgotten.
  std::vector<std::string> drop_expired(dispatch::Time now);
  std::size_t kept() const { return kept_.size(); }

 private:
  struct Kept {
    std::unique_ptr<SessionState> state;
    dispatch::Time expires_at;
  };
  std::unordered_set<Session*> sessions_;
  std::unordered_map<std::string, Session*> holders_;
  std::unordered_map<std::string, std::size_t> connecting_;
  std::unordered_map<std::string, Kept> kept_;
};

}  // namespace proxy
