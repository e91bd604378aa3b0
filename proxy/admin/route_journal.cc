#include "proxy/admin/route_journal.h"

#include <filesystem>

namespace admin {
namespace {

using boost::beast::http::status;
using dispatch::Result;

boost::json::object to_json(const BackupInfo& backup) {
  boost::json::object object;
  object["directory"] = backup.directory;
  object["state"] = backup.running ? "running" : backup.failure.empty() ? "done" : "failed";
  object["copied_bytes"] = backup.copied_bytes;
  object["total_bytes"] = backup.total_bytes;
  if (!backup.failure.empty()) object["failure"] = backup.failure;
  return object;
}

Result<std::string> directory_of(const boost::json::object& body) {
  if (auto known = check_fields(body, {"directory"}); !known) return known.error();
  const auto* given = body.if_contains("directory");
  if (given == nullptr || !given->is_string())
    return dispatch::invalid(R"(the body takes {"directory":"/a/path/on/the/server"})");
  std::string directory(given->get_string().data(), given->get_string().size());
  if (!std::filesystem::path(directory).is_absolute() || directory.find('\0') != directory.npos)
    return dispatch::invalid("directory: takes an absolute path on the server's machine");
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  return directory;
}

}  // namespace

void begin_backup(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  if (!has_json_body(call)) return done(unsupported_media_type());
  const auto body = object_body(call);
  if (!body) return done(error_reply(body.error()));
  const auto directory = directory_of(*body);
  if (!directory) return done(error_reply(directory.error()));
  call.api.begin_backup(*directory, [done, &api = call.api](const Result<void>& begun) {
    if (!begun) return done(error_reply(begun.error()));
    const auto backup = api.backup();
    done(json_reply(backup ? to_json(*backup) : boost::json::object(), status::accepted));
  });
}

void show_backup(const Call& call, const Done& done) {
  if (auto known = check_params(call, {}); !known) return done(error_reply(known.error()));
  const auto backup = call.api.backup();
  if (!backup)
    return done(error_reply(status::not_found, "not_found", "no backup was begun since the start"));
  done(json_reply(to_json(*backup)));
}

}  // namespace admin
