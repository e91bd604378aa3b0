#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "tests/dispatch/one_queue.h"

using namespace dispatch;

namespace {

// One queue whose consumers settle by command: PUBACK says arrived(), the client's word comes
// later.
class ByCommand : public OneQueue {
 public:
  explicit ByCommand(QueueOptions options = jobs(), SessionLimits limits = {}) : OneQueue(options) {
    set.open_session(SessionId{1}, limits);
    QueueAddress address;
    address.filter = options.filter;
    note(set.subscribe(SessionId{1}, address, now, IfMissing::refuse, true).value().step);
  }
  std::string arrived(std::uint64_t delivery) {
    return note(set.arrived(SessionId{1}, ConsumerId{1}, DeliveryId{delivery}, now));
  }
  std::string command(std::uint64_t delivery, const Settlement& settlement,
                      std::uint64_t session = 1) {
    const auto step =
        set.settle_by_command({}, SessionId{session}, DeliveryId{delivery}, settlement, now);
    return step ? note(*step) : "not yours";
  }
  std::string extend(std::uint64_t delivery, std::optional<Duration> time = {}) {
    const auto step = set.extend({}, SessionId{1}, DeliveryId{delivery}, time, now);
    return step ? note(*step) : "not yours";
  }
};

SessionLimits receive_maximum(std::uint16_t n) {
  SessionLimits limits;
  limits.receive_maximum = n;
  return limits;
}

}  // namespace

TEST_CASE("settled by command: an acknowledgement settles nothing and frees no credit") {
  ByCommand queue(jobs(), receive_maximum(1));
  CHECK(queue.publish() == "append q1 #1 jobs/a\ndeliver c1 #1\n");
  queue.publish();
  CHECK(queue.arrived(1).empty());
  CHECK(queue.stats().in_flight == 1);
  CHECK(queue.command(1, {}) == "settle q1.1 #1\ndeliver c1 #2\n");
}

TEST_CASE("settled by command before its acknowledgement: credit comes with the latter") {
  ByCommand queue(jobs(), receive_maximum(1));
  queue.publish();
  queue.publish();
  CHECK(queue.command(1, {}) == "settle q1.1 #1\n");
  CHECK(queue.arrived(1) == "deliver c1 #2\n");
}

TEST_CASE("settled by command: once, and by the session that has it") {
  ByCommand queue;
  queue.publish();
  queue.set.open_session(SessionId{2}, {});
  CHECK(queue.command(1, {}, 2) == "not yours");
  CHECK(queue.command(1, {}) == "settle q1.1 #1\n");
  CHECK(queue.command(1, {}) == "not yours");
  CHECK(queue.command(99, {}) == "not yours");
  OneQueue by_puback;
  by_puback.join();
  by_puback.publish();
  CHECK_FALSE(by_puback.set.settle_by_command({}, SessionId{1}, DeliveryId{1}, {}, by_puback.now));
}

TEST_CASE("settled by command: retry after the time that was asked for, reject with a reason") {
  QueueOptions options = jobs();
  options.retry_delay = Duration(100);
  options.retry_jitter = 0;
  ByCommand queue(options);
  queue.publish();
  queue.arrived(1);
  CHECK(queue.command(1, {Outcome::retry, {}, Duration(5000)}) == "attempt q1.1 #1 failed 1\n");
  CHECK(queue.tick(Duration(4999)).empty());
  CHECK(queue.tick(Duration(1)) == "deliver c1 #1 attempt 2\n");
  queue.arrived(2);
  const auto step = queue.command(2, {Outcome::reject, "no such image", {}});
  CHECK(step.find("settle q1.1 #1 dead") != step.npos);
  CHECK(queue.stored_dead.front().message->dead_letter->reason == "rejected: no such image");
}

TEST_CASE("settled by command: the lease begins on arrival, is extended, and fences when it ends") {
  QueueOptions options = jobs();
  options.ack_timeout = Duration(1000);
  ByCommand queue(options, receive_maximum(1));
  queue.publish();
  queue.tick(Duration(900));
  queue.arrived(1);
  CHECK(queue.tick(Duration(900)).empty());
  CHECK(queue.extend(1).empty());  // another 1000
  CHECK(queue.tick(Duration(900)).empty());
  CHECK(queue.extend(1, Duration(5000)).empty());
  CHECK(queue.tick(Duration(4999)).empty());
  // It is over: the slot is free at once, and what comes next is another delivery.
  CHECK(queue.tick(Duration(1)) == "attempt q1.1 #1 failed 1\ndeliver c1 #1 attempt 2\n");
  CHECK(queue.command(1, {}) == "not yours");
  CHECK(queue.extend(1) == "not yours");
  CHECK(queue.command(2, {}) == "settle q1.1 #1\n");
}

TEST_CASE("settled by command: one that never arrived keeps its slot until it is acknowledged") {
  QueueOptions options = jobs();
  options.ack_timeout = Duration(1000);
  ByCommand queue(options, receive_maximum(1));
  queue.publish();
  CHECK(queue.tick(Duration(1000)) == "attempt q1.1 #1 failed 1\n");
  CHECK(queue.arrived(1) == "deliver c1 #1 attempt 2\n");
}

TEST_CASE("settled by command: what a consumer leaves behind gives its credit back") {
  ByCommand queue(jobs(), receive_maximum(1));
  QueueOptions other = jobs();
  other.name = "other";
  other.filter = "other";
  queue.note(queue.set.create({}, other, queue.now).value());
  QueueAddress address;
  address.filter = "other";
  queue.note(queue.set.subscribe(SessionId{1}, address, queue.now).value().step);
  queue.publish();
  queue.arrived(1);
  CHECK(queue.publish("other").find("deliver") == std::string::npos);
  CHECK(queue.note(queue.set.unsubscribe(ConsumerId{1}, queue.now)) == "deliver c2 #1\n");
}

TEST_CASE("settled by command as the queue says, but never where the client can't know") {
  QueueOptions options = jobs();
  options.settle = Settling::explicit_;
  OneQueue queue(options);
  SessionLimits v3;
  v3.user_properties = false;
  queue.join(v3);
  queue.publish();
  CHECK_FALSE(queue.set.settle_by_command({}, SessionId{1}, DeliveryId{1}, {}, queue.now));
  CHECK(queue.settle(1, 1) == "settle q1.1 #1\n");
  queue.close(1);
  queue.join();
  queue.publish();
  CHECK(queue.set.settle_by_command({}, SessionId{2}, DeliveryId{2}, {}, queue.now).has_value());
}
