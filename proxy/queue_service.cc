#include "proxy/queue_service.h"

#include <array>
#include <charconv>
#include <utility>

#include <boost/asio/post.hpp>

#include "proxy/log.h"
#include "proxy/overloaded.h"

namespace proxy {
namespace {

using dispatch::RequestId;
using dispatch::SessionId;

// A request carries its asker, so a publish needs no table entry. Session 0 is the administration.
RequestId make_request(SessionId session, std::uint64_t number) {
  return RequestId{session.value << 16 | number};
}
SessionId session_of(RequestId request) { return SessionId{request.value >> 16}; }
protocol::PacketId packet_id_of(RequestId request) {
  return static_cast<protocol::PacketId>(request.value);
}

}  // namespace

QueueService::QueueService(boost::asio::io_context& core, const Clock& clock,
                           const storage::JournalOptions& options,
                           std::unique_ptr<storage::Journal> journal, std::uint64_t seed)
    : clock_(clock),
      seed_(seed),
      queues_(seed, dispatch::CoreLimits{}),
      tick_timer_(core),
      journal_(core, *this, options) {
  auto recovered = journal->states();
  journal_.start(std::move(journal));
  take(queues_.restore(std::move(recovered), now()));
}

QueueService::~QueueService() {
  // What waits for the commit under way are the journal's next ones.
  if (!failure_.empty()) return;
  full_.push_back(std::move(filling_));
  for (Group& group : full_)
    if (!group.writes.empty()) journal_.commit(std::move(group.writes));
}

void QueueService::Group::clear() {
  writes.clear();
  actions.clear();
  ends.clear();
  bytes = 0;
}

// --- Sessions ---

SessionId QueueService::open_session(QueueClient& client, dispatch::SessionLimits limits) {
  const SessionId session{++last_session_};
  clients_.emplace(session, Client{&client, limits});
  queues_.open_session(session, limits);
  return session;
}

std::vector<protocol::PacketId> QueueService::close_session(SessionId session,
                                                            dispatch::Leave leave) {
  clients_.erase(session);
  auto step = queues_.close_session(session, leave, now());
  std::vector<protocol::PacketId> refused;
  for (const auto& action : step.actions) {
    const auto* refuse = std::get_if<dispatch::Refuse>(&action);
    if (refuse != nullptr && session_of(refuse->request) == session)
      refused.push_back(packet_id_of(refuse->request));
  }
  take(std::move(step));
  return refused;
}

QueueService::Client* QueueService::find(SessionId session) {
  const auto found = clients_.find(session);
  return found == clients_.end() ? nullptr : &found->second;
}

dispatch::MayConsume QueueService::may_consume() {
  return [this](SessionId session, std::string_view queue) {
    const Client* client = find(session);
    return client != nullptr && client->client->may_consume(queue);
  };
}

// --- Producing and consuming ---

dispatch::Result<void> QueueService::publish(SessionId session, protocol::PacketId packet_id,
                                             dispatch::MessageRef message) {
  if (!failure_.empty()) {
    return dispatch::Error{dispatch::ErrorKind::unavailable, failure_};
  }
  if (!low_disk_.empty()) return dispatch::Error{dispatch::ErrorKind::full, low_disk_};
  const RequestId request = packet_id == 0 ? RequestId{} : make_request(session, packet_id);
  auto step = queues_.publish(request, std::move(message), now(), session);
  if (!step) return step.error();
  take(std::move(*step));
  return {};
}

void QueueService::confirm(SessionId session, protocol::PacketId packet_id) {
  dispatch::Step step;
  step.actions.emplace_back(dispatch::Accept{make_request(session, packet_id)});
  take(std::move(step));
}

dispatch::Result<dispatch::ConsumerId> QueueService::subscribe(
    SessionId session, const dispatch::QueueAddress& address, dispatch::IfMissing if_missing,
    bool settles_by_command) {
  if (!failure_.empty()) {
    return dispatch::Error{dispatch::ErrorKind::unavailable, failure_};
  }
  auto subscribed = queues_.subscribe(session, address, now(), if_missing, settles_by_command);
  if (!subscribed) return subscribed.error();
  take(std::move(subscribed->step));
  return subscribed->consumer;
}

std::string QueueService::name_for(const dispatch::QueueAddress& address) const {
  if (auto name = queues_.name_of_filter(address.filter); !name.empty()) return name;
  if (!address.name.empty()) return address.name;
  const std::string derived = dispatch::derive_queue_name(address.filter);
  std::string name = derived;
  for (int n = 2; queues_.stats(name, now()) && n < 1000; ++n)
    name = derived.substr(0, 120) + "-" + std::to_string(n);
  return name;
}

void QueueService::create_missing(const dispatch::QueueAddress& address,
                                  const dispatch::QueueOptions& defaults) {
  if (!failure_.empty() || !queues_.name_of_filter(address.filter).empty()) return;
  dispatch::QueueOptions options = defaults;
  options.filter = address.filter;
  options.name = name_for(address);
  auto step = queues_.create(RequestId{}, options, now(), may_consume());
  if (step) {
    take(std::move(*step));
  } else {
    log().warn("a subscription finds no queue, and it can't be made: {}", step.error().text);
  }
}

void QueueService::unsubscribe(dispatch::ConsumerId consumer) {
  take(queues_.unsubscribe(consumer, now()));
}

void QueueService::settle(dispatch::ConsumerId consumer, dispatch::DeliveryId delivery,
                          dispatch::Outcome outcome, std::string_view reason) {
  take(queues_.settle(consumer, delivery, outcome, now(), reason));
}

void QueueService::free_slot(SessionId session) { take(queues_.free_slot(session, now())); }

void QueueService::arrived(SessionId session, dispatch::ConsumerId consumer,
                           dispatch::DeliveryId delivery) {
  take(queues_.arrived(session, consumer, delivery, now()));
}

// Deliveries are numbered from 1 again after a restart, which the seed tells, and after a failure
// of the journal.
std::string QueueService::name_of(dispatch::DeliveryId delivery) const {
  std::array<char, 8> hex{};
  const auto end =
      std::to_chars(hex.begin(), hex.end(), static_cast<std::uint32_t>(seed_ + journal_epoch_), 16)
          .ptr;
  return std::string(hex.begin(), end) + "-" + std::to_string(delivery.value);
}

bool QueueService::command(SessionId session, protocol::PacketId packet_id,
                           const SettleCommand& command) {
  const auto request = packet_id == 0 ? RequestId{} : make_request(session, packet_id);
  if (command.delivery_name != name_of(command.delivery)) return false;
  auto step = command.extend ? queues_.extend(request, session, command.delivery,
                                              command.settlement.delay, now())
                             : queues_.settle_by_command(request, session, command.delivery,
                                                         command.settlement, now());
  if (!step) return false;
  take(std::move(*step));
  return true;
}

void QueueService::set_plain_in_flight(SessionId session, std::uint32_t count) {
  take(queues_.set_plain_in_flight(session, count, now()));
}

void QueueService::set_writable(SessionId session, bool writable) {
  take(queues_.set_writable(session, writable, now()));
}

// --- Sessions that outlive the process ---

void QueueService::put_session(const std::string& client_id, const std::string& record,
                               std::function<void()> done) {
  session_puts_.push_back(std::move(done));
  journal_.put_session(client_id, record);
}

void QueueService::on_session_put() {
  const auto done = std::move(session_puts_.front());
  session_puts_.pop_front();
  if (done) done();
}

// --- The FIFO of steps ---

void QueueService::take(dispatch::Step&& step) {
  for (auto& write : step.writes) {
    if (const auto* append = std::get_if<dispatch::Append>(&write)) {
      filling_.ends[append->queue] = dispatch::next(append->offset);
      filling_.bytes += append->message->size_bytes();
      waiting_bytes_ += append->message->size_bytes();
    }
    filling_.writes.push_back(std::move(write));
  }
  for (auto& action : step.actions) {
    if (must_wait(action)) {
      filling_.actions.push_back(std::move(action));
    } else {
      perform(action);
    }
  }
  if (filling_.is_full()) {
    full_.push_back(std::move(filling_));
    filling_.clear();
  }
  if (!commit_under_way_ && has_waiting()) submit();
  schedule_tick();
}

// True if something that the action depends on is not durable yet. A session's deliveries keep
// their order: one that need not wait does so behind one that must.
bool QueueService::must_wait(const dispatch::Action& action) {
  if (!commit_under_way_ && filling_.writes.empty() && full_.empty()) return false;
  const auto* delivery = std::get_if<dispatch::Deliver>(&action);
  if (delivery == nullptr) return true;
  Client* client = find(delivery->session);
  if (client == nullptr) return false;
  if (!delivery->after_commit && client->deliveries_waiting == 0) return false;
  ++client->deliveries_waiting;
  return true;
}

void QueueService::submit() {
  // Before the first job of a burst, let the burst gather: everything that the event loop has ready
  // now goes into one group. The post runs behind it.
  if (submit_posted_) return;
  submit_posted_ = true;
  boost::asio::post(tick_timer_.get_executor(), [this] {
    submit_posted_ = false;
    if (!commit_under_way_) start_commit();
  });
}

void QueueService::start_commit() {
  const bool could_take = can_take();
  std::swap(full_.empty() ? filling_ : full_.front(), committing_);
  if (!full_.empty()) full_.pop_front();
  waiting_bytes_ -= committing_.bytes;
  if (!could_take && can_take()) {
    for (auto& [session, client] : clients_) client.client->on_queues_ready();
  }
  if (committing_.writes.empty()) {  // all that these actions waited for is durable by now
    finish_group();
    return;
  }
  commit_under_way_ = true;
  journal_.commit(std::move(committing_.writes));
  committing_.writes.clear();
}

void QueueService::on_committed(const dispatch::Result<void>& result) {
  if (!failure_.empty()) return;  // of the journal that was given up
  if (!result) {
    fail(result.error().text);
    return;
  }
  commit_under_way_ = false;
  for (const auto& [queue, end] : committing_.ends) queues_.durable(queue, end);
  finish_group();
  if (!commit_under_way_ && has_waiting()) start_commit();
}

void QueueService::finish_group() {
  performing_.swap(committing_.actions);
  committing_.clear();
  for (auto& action : performing_) {
    if (const auto* delivery = std::get_if<dispatch::Deliver>(&action)) {
      if (Client* client = find(delivery->session); client && client->deliveries_waiting > 0) {
        --client->deliveries_waiting;
      }
    }
    perform(action);
  }
  performing_.clear();
}

void QueueService::perform(dispatch::Action& action) {
  std::visit(Overloaded{
                 [this](const dispatch::Accept& accept) { answer(accept.request, {}); },
                 [this](const dispatch::Refuse& refuse) { answer(refuse.request, refuse.why); },
                 [this](dispatch::Deliver& delivery) {
                   Client* client = find(delivery.session);
                   if (client != nullptr) client->client->on_delivery(std::move(delivery));
                 },
                 [this](const dispatch::Load& load) { journal_.read(load); },
             },
             action);
}

void QueueService::answer(RequestId request, const dispatch::Result<void>& result) {
  if (!request) return;
  const SessionId session = session_of(request);
  if (!session) {
    auto command = commands_.extract(request);
    if (!command.empty()) command.mapped()(result);
    return;
  }
  Client* client = find(session);
  if (client == nullptr) return;
  if (result) {
    client->client->on_stored(packet_id_of(request));
  } else {
    client->client->on_store_failed(packet_id_of(request), result.error());
  }
}

void QueueService::on_read(const dispatch::Load& load,
                           dispatch::Result<std::vector<dispatch::StoredMessage>>&& found) {
  if (!failure_.empty()) return;
  if (!found) {
    fail(found.error().text);
    return;
  }
  take(queues_.loaded(load, std::move(*found), now()));
}

// --- When the journal fails: no undo. Nothing more is acknowledged, the queues in memory are
// --- dropped, and recovery is the same as at start.

void QueueService::fail(const std::string& why) {
  failure_ = "the journal failed and is being opened again: " + why;
  log().error("journal: {}; queues answer 0x83 until it is open again", why);
  commit_under_way_ = false;
  ++journal_epoch_;
  std::deque<Group> lost = std::exchange(full_, {});
  lost.push_front(std::exchange(committing_, {}));
  lost.push_back(std::exchange(filling_, {}));
  waiting_bytes_ = 0;
  queues_ = dispatch::QueueSet(seed_, dispatch::CoreLimits{});
  tick_timer_.cancel();
  tick_at_.reset();
  for (auto& [session, client] : clients_) {
    client.deliveries_waiting = 0;
    client.client->on_consumers_lost();
  }
  const dispatch::Error error{dispatch::ErrorKind::unavailable, failure_};
  fail_commands(error);
  fail_backup(error);
  for (const Group& group : lost) {
    for (const auto& action : group.actions) {
      if (const auto* accept = std::get_if<dispatch::Accept>(&action)) {
        answer(accept->request, error);
      }
    }
  }
  journal_.reopen();
}

void QueueService::on_reopen_failed(const std::string& why) {
  failure_ = "the journal can't be opened: " + why;
  log().error("journal: {}; trying again", why);
}

void QueueService::on_disk_low(const std::string& why) {
  if (why.empty()) {
    log().warn("journal: there is room on the disk again, queues take messages");
  } else if (low_disk_.empty()) {
    log().error("journal: {}; publishes to queues are refused, settlements go on", why);
  }
  low_disk_ = why;
}

void QueueService::on_reopened(dispatch::QueueStates&& states) {
  log().warn("journal: open again, {} queues recovered", states.queues.size());
  failure_.clear();
  take(queues_.restore(std::move(states), now()));
  for (const auto& [session, client] : clients_) queues_.open_session(session, client.limits);
  for (const auto& [session, client] : clients_) client.client->resubscribe();
}

// --- Time ---

void QueueService::schedule_tick() {
  const auto deadline = queues_.next_deadline();
  if (deadline == tick_at_) return;
  tick_at_ = deadline;
  if (!deadline) {
    tick_timer_.cancel();
    return;
  }
  tick_timer_.expires_after(*deadline - now());
  tick_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    tick_at_.reset();
    take(queues_.tick(now()));
  });
}

}  // namespace proxy
