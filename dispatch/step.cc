#include "dispatch/step.h"

#include <iterator>

#include "dispatch/key_selector.h"

namespace dispatch {

namespace {

template <class Tag, class Rep>
std::string number(char letter, Id<Tag, Rep> id) {
  return letter + std::to_string(id.value);
}

// "q1.2", or "q1" for all groups.
std::string group_text(QueueId queue, GroupId group) {
  const std::string text = number('q', queue);
  return group ? text + "." + std::to_string(group.value) : text;
}

std::string reader_text(const Load& load) {
  switch (load.reader) {
    case Reader::group:
      return group_text(load.queue, load.group);
    case Reader::head:
      return number('q', load.queue) + " head";
    case Reader::redrive:
      return number('q', load.queue) + " redrive";
    case Reader::sweep:
      return number('q', load.queue) + " sweep";
  }
  return {};
}

// What most messages come to need not be said.
std::string end_text(End end) { return end == End::acked ? "" : " " + std::string(end_name(end)); }

struct Print {
  std::string operator()(const DefineQueue& w) const {
    return "define " + number('q', w.queue) + " " + w.options.name + " " + w.options.filter;
  }
  std::string operator()(const DefineMailbox& w) const {
    return "mailbox " + number('q', w.queue) + " of " + number('q', w.template_queue) + " " +
           w.topic;
  }
  std::string operator()(const AddTotals& w) const {
    std::string text = "totals " + number('q', w.queue) + " stored " + std::to_string(w.stored);
    for (std::size_t end = 0; end < kEnds; ++end)
      if (w.ended[end] > 0)
        text +=
            " " + std::string(end_name(static_cast<End>(end))) + " " + std::to_string(w.ended[end]);
    return text;
  }
  std::string operator()(const DeleteQueue& w) const { return "delete " + number('q', w.queue); }
  std::string operator()(const DefineGroup& w) const {
    return "group " + group_text(w.queue, w.group) + " " + w.name + " from " + number('#', w.start);
  }
  std::string operator()(const DeleteGroup& w) const {
    return "delete " + group_text(w.queue, w.group);
  }
  std::string operator()(const Append& w) const {
    const std::string key = w.key.empty() ? "" : " key " + std::string(shown_key(w.key));
    const std::string reason = w.message && w.message->dead_letter
                                   ? " dead: " + w.message->dead_letter->reason
                                   : std::string();
    return "append " + number('q', w.queue) + " " + number('#', w.offset) + " " + w.message->topic +
           key + reason;
  }
  std::string operator()(const Settle& w) const {
    const std::string last = w.last == w.first ? "" : "-" + std::to_string(w.last.value);
    return "settle " + group_text(w.queue, w.group) + " " + number('#', w.first) + last +
           end_text(w.end);
  }
  std::string operator()(const Attempt& w) const {
    return "attempt " + group_text(w.queue, w.group) + " " + number('#', w.offset) + " failed " +
           std::to_string(w.failed);
  }
  std::string operator()(const Accept& a) const { return "accept " + number('r', a.request); }
  std::string operator()(const Refuse& a) const {
    return "refuse " + number('r', a.request) + " " + a.why.text;
  }
  std::string operator()(const Deliver& a) const {
    const std::string attempt = a.attempt == 1 ? "" : " attempt " + std::to_string(a.attempt);
    return "deliver " + number('c', a.consumer) + " " + number('#', a.offset) + attempt +
           (a.after_commit ? "" : " now");
  }
  std::string operator()(const Load& a) const {
    return "load " + reader_text(a) + " " + number('#', a.from) + " to " + number('#', a.end) +
           " max " + std::to_string(a.max_messages);
  }
};

}  // namespace

std::string_view end_name(End end) {
  static constexpr std::array<std::string_view, kEnds> kNames = {
      "acked",    "superseded", "lost",    "dead",    "purged",
      "redriven", "expired",    "retired", "dropped", "unneeded"};
  return index_of(end) < kEnds ? kNames[index_of(end)] : std::string_view();
}

void Step::append(Step&& other) {
  writes.insert(writes.end(), std::make_move_iterator(other.writes.begin()),
                std::make_move_iterator(other.writes.end()));
  actions.insert(actions.end(), std::make_move_iterator(other.actions.begin()),
                 std::make_move_iterator(other.actions.end()));
}

std::string to_text(const Step& step) {
  std::string text;
  for (const auto& write : step.writes) text += std::visit(Print{}, write) + "\n";
  for (const auto& action : step.actions) text += std::visit(Print{}, action) + "\n";
  return text;
}

}  // namespace dispatch
