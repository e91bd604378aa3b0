#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "storage/check.h"
#include "storage/inspection.h"

// What `sluice journal` shows, as lines for people and as JSON objects.

namespace proxy {

// A queue's definition and its groups' progress.
std::string queue_text(const dispatch::QueueState& queue);
boost::json::object queue_json(const dispatch::QueueState& queue);

// A commit and its records. With `queue`, only the records of that queue; an empty result: it has
// none. With `payload`, all of the messages' bytes, in JSON as base64.
struct CommitFormat {
  dispatch::QueueId queue{};
  bool payload = false;
};
std::string commit_text(const storage::CommitView& commit, const CommitFormat& format);
boost::json::object commit_json(const storage::CommitView& commit, const CommitFormat& format);

// Messages that were moved out of the log, a block of them.
std::string spilled_text(const storage::SpilledView& block, const CommitFormat& format);
boost::json::object spilled_json(const storage::SpilledView& block, const CommitFormat& format);

std::string figures_text(const storage::JournalFigures& figures);
boost::json::object figures_json(const storage::JournalFigures& figures);

// "1 queue, 12 commits, 345 messages": what was looked at.
std::string report_text(const storage::CheckReport& report);
boost::json::object report_json(const storage::CheckReport& report);

// "1.4 GiB", "12 KiB", "7 B".
std::string human_bytes(std::uint64_t bytes);

}  // namespace proxy
