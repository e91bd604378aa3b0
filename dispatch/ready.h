#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "dispatch/consumer.h"
#include "dispatch/queue_state.h"

// The messages of a group that are in memory and may be handed out, by offset: those that came
// back as well as those read ahead.

namespace dispatch {

class Lanes;

// The key of a message of this queue; empty if the queue has no keys.
std::string make_key(const QueueState& queue, const Message& message);
// An entry for it.
Entry make_entry(const QueueState& queue, Offset offset, const MessageRef& message);

class Ready {
 public:
  void add(Entry entry);
  // The first message at or after `from`; nullptr if there is none. Valid until the next change.
  const Entry* first_from(Offset from) const;
  // Takes out a message that is here.
  Entry take(Offset offset);
  // Drops a message; it may be absent.
  void drop(Offset offset);
  // Drops the last ones until both limits hold (the first one always stays). Returns the first
  // offset dropped, if any.
  std::optional<Offset> trim(std::uint64_t max_messages, std::uint64_t max_bytes);

  // Keeps these lanes informed from now on, also of what is here already; nullptr: nobody.
  void inform(Lanes* lanes);
  // The queue's keys are other ones.
  void rekey(const QueueState& queue);

  std::uint64_t size() const { return entries_.size(); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::map<Offset, Entry> entries_;
  std::uint64_t bytes_ = 0;
  Lanes* lanes_ = nullptr;
};

}  // namespace dispatch
