#include "proxy/journal_text.h"

#include <array>
#include <cstdio>
#include <string_view>

#include <boost/json/array.hpp>

#include "dispatch/key_selector.h"
#include "proxy/admin/base64.h"
#include "proxy/printable.h"
#include "proxy/rfc3339.h"

namespace proxy {
namespace {

namespace json = boost::json;

constexpr std::size_t kShownPayload = 60;

std::string count_of(std::uint64_t count, std::string_view one) {
  std::string text = std::to_string(count);
  text += ' ';
  text += one;
  if (count != 1) text += 's';
  return text;
}

// Bytes that are not ASCII are shown as \xNN as well: a payload may be anything.
std::string shown(std::string_view payload, std::size_t most) {
  std::string out = printable(payload.substr(0, most));
  std::string ascii;
  for (const char c : out) {
    char hex[5] = {c, 0};
    if (static_cast<unsigned char>(c) >= 0x80)
      std::snprintf(hex, sizeof hex, "\\x%02X", static_cast<unsigned char>(c));
    ascii += hex;
  }
  return '"' + ascii + (payload.size() > most ? "\"..." : "\"");
}

std::string write_text(const dispatch::Write& write, bool payload) {
  dispatch::Step step;
  step.writes.push_back(write);
  std::string text = dispatch::to_text(step);
  if (!text.empty()) text.pop_back();
  const auto* append = std::get_if<dispatch::Append>(&write);
  if (append == nullptr) return printable(text);
  const dispatch::Message& message = *append->message;
  text += " " + std::to_string(message.payload.size()) + " B by " + message.publisher;
  const std::size_t most = payload ? message.payload.size() : kShownPayload;
  return printable(text) + " " + shown(message.payload, most);
}

struct WriteJson {
  bool payload;

  json::object operator()(const dispatch::Append& w) const {
    json::object object = begin("append", w.queue);
    object["offset"] = w.offset.value;
    if (!w.key.empty()) object["key"] = printable(dispatch::shown_key(w.key));
    object["topic"] = w.message->topic;
    object["publisher"] = w.message->publisher;
    object["stored_at"] = rfc3339(w.message->stored_at);
    object["payload_bytes"] = w.message->payload.size();
    if (payload) object["payload_base64"] = admin::to_base64(w.message->payload);
    return object;
  }
  json::object operator()(const dispatch::Settle& w) const {
    json::object object = begin("settle", w.queue);
    object["group"] = w.group.value;
    object["first"] = w.first.value;
    object["last"] = w.last.value;
    object["end"] = dispatch::end_name(w.end);
    return object;
  }
  json::object operator()(const dispatch::Attempt& w) const {
    json::object object = begin("attempt", w.queue);
    object["group"] = w.group.value;
    object["offset"] = w.offset.value;
    object["failed"] = w.failed;
    return object;
  }
  json::object operator()(const dispatch::DefineQueue& w) const {
    json::object object = begin("define_queue", w.queue);
    for (const auto& [name, value] : dispatch::option_texts(w.options)) object[name] = value;
    return object;
  }
  json::object operator()(const dispatch::DefineGroup& w) const {
    json::object object = begin("define_group", w.queue);
    object["group"] = w.group.value;
    object["name"] = w.name;
    object["start"] = w.start.value;
    return object;
  }
  json::object operator()(const dispatch::DefineMailbox& w) const {
    json::object object = begin("define_mailbox", w.queue);
    object["template"] = w.template_queue.value;
    object["topic"] = w.topic;
    return object;
  }
  json::object operator()(const dispatch::AddTotals& w) const {
    json::object object = begin("add_totals", w.queue);
    object["stored"] = w.stored;
    json::object ended;
    for (std::size_t end = 0; end < dispatch::kEnds; ++end)
      if (w.ended[end] > 0)
        ended[dispatch::end_name(static_cast<dispatch::End>(end))] = w.ended[end];
    object["ended"] = std::move(ended);
    return object;
  }
  // Kinds that have nothing more to say than their line of text.
  template <class Other>
  json::object operator()(const Other& w) const {
    const std::string text = write_text(w, false);
    json::object object = begin(text.substr(0, text.find(' ')), w.queue);
    object["text"] = text;
    return object;
  }

 private:
  static json::object begin(std::string_view record, dispatch::QueueId queue) {
    json::object object;
    object["record"] = record;
    object["queue"] = queue.value;
    return object;
  }
};

dispatch::Append as_append(dispatch::QueueId queue, dispatch::Offset offset,
                           const dispatch::MessageRef& message) {
  return {queue, offset, message, {}, static_cast<std::uint32_t>(message->size_bytes())};
}

bool is_shown(const dispatch::Write& write, const CommitFormat& format) {
  return !format.queue || std::visit([&](const auto& w) { return w.queue == format.queue; }, write);
}

}  // namespace

std::string queue_text(const dispatch::QueueState& queue) {
  std::string text = "queue q" + std::to_string(queue.id.value) + " " + printable(queue.name()) +
                     " " + printable(queue.is_mailbox() ? queue.topic : queue.options().filter) +
                     " next #" + std::to_string(queue.next.value) + ", " +
                     std::to_string(queue.kept()) + " kept\n";
  for (const auto& [id, group] : queue.groups) {
    text += "  group " + std::to_string(id.value) + " " + printable(group.name) +
            ": settled below #" + std::to_string(group.settled.watermark().value);
    if (!group.settled.intervals().empty())
      text += " and " + count_of(group.settled.intervals().size(), "interval") + " above";
    if (!group.attempts.empty()) text += ", " + count_of(group.attempts.size(), "failed message");
    text += '\n';
  }
  return text;
}

json::object queue_json(const dispatch::QueueState& queue) {
  json::object object;
  object["queue"] = queue.id.value;
  for (const auto& [name, value] : dispatch::option_texts(queue.options())) object[name] = value;
  if (queue.is_mailbox()) {
    object["template"] = queue.template_queue.value;
    object["topic"] = queue.topic;
  }
  object["next"] = queue.next.value;
  object["kept"] = queue.kept();
  json::array groups;
  for (const auto& [id, group] : queue.groups) {
    json::object each;
    each["group"] = id.value;
    each["name"] = group.name;
    each["watermark"] = group.settled.watermark().value;
    json::array intervals;
    for (const auto& [first, last] : group.settled.intervals())
      intervals.push_back(json::array{first.value, last.value});
    each["settled_above"] = std::move(intervals);
    json::object attempts;
    for (const auto& [offset, failed] : group.attempts)
      attempts[std::to_string(offset.value)] = failed;
    each["attempts"] = std::move(attempts);
    groups.push_back(std::move(each));
  }
  object["groups"] = std::move(groups);
  return object;
}

std::string commit_text(const storage::CommitView& commit, const CommitFormat& format) {
  std::string text;
  for (const auto& write : commit.writes)
    if (is_shown(write, format)) text += "  " + write_text(write, format.payload) + "\n";
  if (text.empty() && format.queue && commit.damage.empty()) return {};
  const std::string head = "commit " + std::to_string(commit.commit);
  if (!commit.damage.empty()) return head + " DAMAGED: " + printable(commit.damage) + "\n";
  return head + " " + rfc3339(commit.time) + " " + std::to_string(commit.bytes) + " B\n" + text;
}

json::object commit_json(const storage::CommitView& commit, const CommitFormat& format) {
  json::array writes;
  for (const auto& write : commit.writes)
    if (is_shown(write, format)) writes.push_back(std::visit(WriteJson{format.payload}, write));
  json::object object;
  if (writes.empty() && format.queue && commit.damage.empty()) return object;
  object["commit"] = commit.commit;
  object["bytes"] = commit.bytes;
  if (!commit.damage.empty()) {
    object["damage"] = printable(commit.damage);
    return object;
  }
  object["time"] = rfc3339(commit.time);
  object["writes"] = std::move(writes);
  return object;
}

std::string spilled_text(const storage::SpilledView& block, const CommitFormat& format) {
  if (format.queue && format.queue != block.queue) return {};
  std::string text = "moved q" + std::to_string(block.queue.value) + " from #" +
                     std::to_string(block.first.value) + " " + std::to_string(block.bytes) + " B\n";
  for (const auto& [offset, message] : block.messages)
    text += "  " + write_text(as_append(block.queue, offset, message), format.payload) + "\n";
  if (!block.damage.empty()) text += "  DAMAGED: " + printable(block.damage) + "\n";
  return text;
}

json::object spilled_json(const storage::SpilledView& block, const CommitFormat& format) {
  json::object object;
  if (format.queue && format.queue != block.queue) return object;
  object["moved_queue"] = block.queue.value;
  object["first"] = block.first.value;
  object["bytes"] = block.bytes;
  json::array messages;
  for (const auto& [offset, message] : block.messages)
    messages.push_back(WriteJson{format.payload}(as_append(block.queue, offset, message)));
  object["messages"] = std::move(messages);
  if (!block.damage.empty()) object["damage"] = printable(block.damage);
  return object;
}

std::string figures_text(const storage::JournalFigures& f) {
  const auto number = [](std::uint64_t n) { return std::to_string(n); };
  return "queues             " + number(f.queues) + "\nsessions           " + number(f.sessions) +
         "\nmessages kept      " + number(f.kept) + "\nlast commit        " +
         number(f.last_commit) + "\ncheckpoint         " + number(f.checkpoint_commit) +
         "\nneeded from        " + number(f.kept_from) + "\non disk from       " +
         number(f.first_commit) + "\nindex runs         " + number(f.runs) +
         "\nmoved out of log   " + number(f.spilled_blocks) + " blocks, " +
         human_bytes(f.spilled_bytes) + "\nlog on disk        " + human_bytes(f.log_disk_bytes) +
         "\nstate on disk      " + human_bytes(f.state_disk_bytes) + "\n";
}

json::object figures_json(const storage::JournalFigures& f) {
  json::object object;
  object["queues"] = f.queues;
  object["sessions"] = f.sessions;
  object["messages_kept"] = f.kept;
  object["last_commit"] = f.last_commit;
  object["checkpoint_commit"] = f.checkpoint_commit;
  object["kept_from"] = f.kept_from;
  object["first_commit"] = f.first_commit;
  object["index_runs"] = f.runs;
  object["spilled_blocks"] = f.spilled_blocks;
  object["spilled_bytes"] = f.spilled_bytes;
  object["log_disk_bytes"] = f.log_disk_bytes;
  object["state_disk_bytes"] = f.state_disk_bytes;
  return object;
}

std::string report_text(const storage::CheckReport& report) {
  return count_of(report.queues, "queue") + ", " + count_of(report.commits, "commit") + ", " +
         count_of(report.messages, "message") + " kept, " + human_bytes(report.bytes) + " read";
}

json::object report_json(const storage::CheckReport& report) {
  json::object object;
  object["ok"] = report.ok();
  object["problems"] = report.problems;
  json::array findings;
  for (const auto& line : report.findings) findings.emplace_back(printable(line));
  object["findings"] = std::move(findings);
  object["queues"] = report.queues;
  object["commits"] = report.commits;
  object["messages_kept"] = report.messages;
  object["bytes_read"] = report.bytes;
  return object;
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value,
                kUnits[unit]);
  return text;
}

}  // namespace proxy
