#include <utility>

#include "dispatch/key_selector.h"
#include "dispatch/queue_set_impl.h"

// Publishing into queues that may be full, and waiting until they are not.

namespace dispatch {

namespace {

Error full(const Queue& queue) {
  return {ErrorKind::full, "queue '" + queue.options().name + "' is full"};
}

}  // namespace

// The worst that any queue says. An error says why a message can't be stored.
Result<Room> QueueSet::Impl::room_for(const Message& message, bool first_in_line) const {
  Room room = Room::yes;
  for (Queue* queue : matches(message.topic)) {
    const auto& options = queue->options();
    if (options.pause_producing)
      return Error{ErrorKind::full, "queue '" + options.name + "' is paused for producers"};
    if (options.key_missing == KeyMissing::reject && options.has_keys() &&
        !has_key(message, options.key))
      return Error{ErrorKind::unfit,
                   "queue '" + options.name + "' needs a key and the message " + "has none"};
    const Queue* home = find_home(*queue, message.topic);
    switch (home->room_for(message)) {
      case Room::yes:
        break;
      case Room::later:
        room = Room::later;
        break;
      case Room::no:
        queue->count_refused();
        return full(*queue);
    }
    if (!first_in_line && !home->is_template() && waiting.any(home->id())) room = Room::later;
  }
  return room;
}

// Hands nothing out: the queues that have it now are to do that.
QueueSet::Impl::Matches QueueSet::Impl::store(RequestId request, const MessageRef& message,
                                              Turn& turn) {
  Matches homes = matches(message->topic);
  for (Queue*& queue : homes) {
    queue = &home_of(*queue, message->topic, turn);
    queue->append(message, turn);
  }
  if (request) turn.step.actions.push_back(Accept{request});
  return homes;
}

Result<Step> QueueSet::publish(RequestId request, MessageRef message, Time now,
                               SessionId publisher) {
  const auto& queues = impl_->matches(message->topic);
  if (queues.empty()) return not_found("no queue stores topic '" + message->topic + "'");
  const auto room = impl_->room_for(*message, false);
  if (!room) return room.error();
  Turn turn{now};
  if (*room == Room::yes) {
    for (Queue* queue : impl_->store(request, message, turn)) queue->hand_out(turn);
    return impl_->finish(turn);
  }
  // Nobody waits for the answer, or as many as may do already.
  if (!request || !impl_->waiting.has_room(*message)) {
    queues.front()->count_refused();
    return full(*queues.front());
  }
  WaitingPublish publish{request, publisher, std::move(message), {}};
  for (Queue* queue : queues) {
    Queue* home = impl_->find_home(*queue, publish.message->topic);
    if (home->is_template()) continue;  // a mailbox to come has room
    publish.queues.push_back(home->id());
    home->set_awaited(true);
  }
  impl_->waiting.add(std::move(publish));
  return impl_->finish(turn);
}

// Something has gone from these queues. All that has room now is stored before anything is handed
// out, so that of several values of a key only the last one is.
void QueueSet::Impl::retry(const std::vector<QueueId>& roomier, Turn& turn) {
  std::set<QueueId> fuller;
  for (const QueueId queue : roomier) {
    while (retry_first(queue, fuller, turn)) {
    }
    Queue* living = find_in(queues, queue);
    if (living != nullptr && !waiting.any(queue)) living->set_awaited(false);
  }
  for (const QueueId queue : fuller) queues.at(queue)->hand_out(turn);
}

// False if the first one in line has to wait on.
bool QueueSet::Impl::retry_first(QueueId queue, std::set<QueueId>& fuller, Turn& turn) {
  const auto publish = waiting.first(queue);
  if (publish == nullptr) return false;
  const auto& message = publish->message;
  const Result<Room> room = matches(message->topic).empty()
                                ? Result<Room>(not_found("the queue was deleted"))
                                : room_for(*message, true);
  if (room && *room != Room::yes) return false;
  waiting.remove(publish);
  if (!room)
    turn.step.actions.push_back(Refuse{publish->request, room.error()});
  else
    for (const Queue* home : store(publish->request, message, turn)) fuller.insert(home->id());
  return true;
}

}  // namespace dispatch
