#include "storage/session_store.h"

#include <memory>

#include "storage/database.h"
#include "storage/envelope.h"
#include "storage/key.h"

namespace storage {

Result<void> put_session(leveldb::DB& state, const std::string& client_id,
                         const std::string& record) {
  const std::string key = session_key(client_id);
  leveldb::Status status;
  if (record.empty()) {
    status = state.Delete(synced(), key);
  } else {
    std::string value;
    begin_envelope(value);
    value += record;
    seal_envelope(value, key);
    status = state.Put(synced(), key, value);
  }
  return status.ok() ? Result<void>() : to_error(status);
}

Result<std::map<std::string, std::string>> read_sessions(leveldb::DB& state) {
  std::map<std::string, std::string> sessions;
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  const std::unique_ptr<leveldb::Iterator> it(state.NewIterator(options));
  for (it->Seek(session_key("")); it->Valid(); it->Next()) {
    const auto client_id = session_of(to_view(it->key()));
    if (!client_id) break;
    const auto record = open_envelope(to_view(it->key()), to_view(it->value()));
    if (!record)
      return unavailable("the session of client '" + *client_id + "': " + record.error().text);
    sessions.emplace(*client_id, *record);
  }
  if (!it->status().ok()) return to_error(it->status());
  return sessions;
}

}  // namespace storage
