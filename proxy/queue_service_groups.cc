// Groups by command, and where in a queue a time is.

#include <utility>

#include "proxy/queue_service.h"

namespace proxy {

using dispatch::Offset;
using dispatch::Result;

void QueueService::add_group(std::string_view queue, const std::string& group, Offset start,
                             Done done) {
  command(std::move(done), [&](dispatch::RequestId request) {
    return queues_.add_group(request, queue, group, start, now());
  });
}

void QueueService::delete_group(std::string_view queue, std::string_view group, Done done) {
  command(std::move(done), [&](dispatch::RequestId request) {
    return queues_.delete_group(request, queue, group, now());
  });
}

void QueueService::seek_group(std::string_view queue, std::string_view group, Offset start,
                              Done done) {
  command(std::move(done), [&](dispatch::RequestId request) {
    return queues_.seek(request, queue, group, start, now());
  });
}

// A search by halves: each step reads one message, so a hundred million take some 27 of them. It
// takes for granted that offsets and times grow together.
struct QueueService::TimeSearch {
  dispatch::QueueId queue;
  dispatch::Time time;
  Offset low;   // what is below was stored before that time
  Offset high;  // what is there and from here on was not
  std::function<void(Result<Offset>)> done;

  Offset middle() const { return Offset{low.value + (high.value - low.value) / 2}; }
};

void QueueService::find_time(std::string_view queue, dispatch::Time time,
                             std::function<void(Result<Offset>)> done) {
  const auto kept = queues_.kept_in(queue);
  if (!kept)
    return done(dispatch::Error{dispatch::ErrorKind::not_found,
                                "there is no queue '" + std::string(queue) + "'"});
  go_on_searching(std::make_shared<TimeSearch>(
      TimeSearch{kept->queue, time, kept->from, kept->end, std::move(done)}));
}

void QueueService::go_on_searching(const std::shared_ptr<TimeSearch>& search) {
  if (!failure_.empty())
    return search->done(dispatch::Error{dispatch::ErrorKind::unavailable, failure_});
  if (search->low >= search->high) return search->done(search->low);
  dispatch::Load load{};
  load.queue = search->queue;
  load.from = search->middle();
  load.end = search->high;
  load.max_messages = 1;
  load.max_bytes = 1;  // the first message comes all the same
  journal_.peek(++last_peek_, load);
  searches_.emplace(last_peek_, search);
}

void QueueService::on_probed(const std::shared_ptr<TimeSearch>& search,
                             const Result<std::vector<dispatch::StoredMessage>>& found) {
  if (!found) return search->done(found.error());
  if (found->empty() || found->front().message->stored_at >= search->time)
    search->high = search->middle();
  else
    search->low = next(found->front().offset);
  go_on_searching(search);
}

}  // namespace proxy
