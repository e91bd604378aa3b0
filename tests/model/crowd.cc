#include "tests/model/crowd.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "dispatch/key_selector.h"

// The events.

namespace model {

using dispatch::Duration;
using dispatch::Outcome;
using dispatch::RequestId;
using dispatch::SessionId;

namespace {

constexpr const char* kName = "m";
constexpr const char* kTopics[] = {"m/0", "m/1", "m/2"};
constexpr const char* kGroups[] = {"default", "audit", "copy"};

}  // namespace

Crowd::Crowd(std::uint64_t seed) : random_(seed), options_(make_options()) {
  set_ = std::make_unique<dispatch::QueueSet>(seed, dispatch::CoreLimits{8, 6000});
  take(set_->create({}, options_, now_).value());
}

dispatch::QueueOptions Crowd::make_options() {
  dispatch::QueueOptions options;
  options.name = kName;
  options.filter = "m/+";
  options.per_topic = one_in(2);
  options.mailbox_idle = Duration(one_in(3) ? 0 : below(200));
  options.last_value = one_in(4);
  options.max_inflight = static_cast<std::uint32_t>(1 + below(4));
  options.max_deliveries = static_cast<std::uint32_t>(below(3));
  options.ack_timeout = options.retry_delay = options.release_pause = Duration(0);
  options.max_messages = one_in(3) ? 0 : 1 + below(8);
  options.max_bytes = one_in(2) ? 0 : 50 + below(400);
  options.overflow = static_cast<dispatch::Overflow>(below(3));
  options.retention = Duration(one_in(2) ? 0 : 20 + below(3000));
  options.group_expiry = Duration(one_in(2) ? 0 : 20 + below(400));
  options.dead_on_expiry = one_in(3);
  options.dead_on_drop = one_in(3);
  return options;
}

void Crowd::event() {
  now_ += Duration(below(10));
  tick();
  const auto dice = below(1000);
  if (dice < 380)
    publish();
  else if (dice < 760)
    settle();
  else if (dice < 860)
    subscribe();
  else if (dice < 935)
    leave();
  else if (dice < 955)
    create_group();
  else if (dice < 970)
    delete_group();
  else if (dice < 975)
    purge();
  else if (dice < 980)
    restart();
  else if (dice < 990)
    now_ += Duration(below(500));
  else
    check_books();
  check_limits();
}

void Crowd::tick() {
  while (set_->next_deadline() && *set_->next_deadline() <= now_) {
    const auto due = *set_->next_deadline();
    take(set_->tick(now_));
    // Everything that could be done at this time is done, or it would be for ever.
    if (set_->next_deadline() == due) break;
  }
}

void Crowd::publish() {
  auto message = std::make_shared<dispatch::Message>();
  message->topic = kTopics[below(std::size(kTopics))];
  message->payload = std::to_string(++serial_) + std::string(below(30), '.');
  if (one_in(8)) message->properties.message_expiry_s = static_cast<std::uint32_t>(1 + below(2));
  message->stored_at = now_;
  const Home* home = find_home(message->topic);
  static const Home kNone;
  const bool room = has_room(home == nullptr ? kNone : *home, *message);
  const bool waits = home != nullptr && !home->line.empty();
  const bool too_large = options_.max_bytes > 0 && message->size_bytes() > options_.max_bytes;
  const bool blocks = options_.overflow == dispatch::Overflow::block;
  const RequestId request{++serial_};
  waiting_[request] = message;
  auto step = set_->publish(request, message, now_);
  must(step.has_value() == (!too_large && (room || blocks)),
       "limits are exact: one too many is refused, and no other");
  if (!step) {
    waiting_.erase(request);
    return;
  }
  const bool at_once =
      !step->actions.empty() && std::ranges::any_of(step->actions, [](const auto& action) {
        return std::holds_alternative<dispatch::Accept>(action);
      });
  must(at_once == (room && !waits), "limits are exact: who has no room waits, and nobody else");
  if (!at_once) find_home(message->topic)->line.push_back(request);
  take(std::move(*step));
}

void Crowd::subscribe() {
  if (clients_.size() >= 9) return;
  const SessionId session{++serial_};
  dispatch::SessionLimits limits;
  limits.receive_maximum = static_cast<std::uint16_t>(1 + below(4));
  set_->open_session(session, limits);
  Client client;
  client.session = session.value;
  client.group = kGroups[below(std::size(kGroups))];
  client.address.group = client.group;
  client.address.filter = options_.per_topic ? kTopics[below(std::size(kTopics))] : options_.filter;
  if (one_in(12)) {
    client.address.dead = true;
    client.address.filter = options_.filter;
  }
  auto subscribed = set_->subscribe(session, client.address, now_).value();
  const auto address = client.address;
  clients_.emplace(subscribed.consumer, std::move(client));
  // The definitions first: then it is known which queue that is.
  for (const auto& write : subscribed.step.writes) note(write);
  subscribed.step.writes.clear();
  Client& known = clients_.at(subscribed.consumer);
  const auto home = std::ranges::find_if(homes_, [&](const auto& entry) {
    return entry.second.dead == address.dead &&
           (!options_.per_topic || address.dead || entry.second.topic == address.filter);
  });
  known.home = home->first;
  GroupBook& group = group_of(home->second, known.group);
  ++group.consumers;
  group.idle_since.reset();
  take(std::move(subscribed.step));
}

// What it holds returns, and may be handed to another one in the same step.
void Crowd::forget(ConsumerId id) {
  const Client client = clients_.at(id);
  Home& home = home_of(client.home);
  GroupBook& group = group_of(home, client.group);
  for (const auto& [delivery, offset] : client.held) group.held.erase(offset);
  home.back_at = now_;
  if (--group.consumers == 0) group.idle_since = now_;
  clients_.erase(id);
  became_calmer(home);
}

void Crowd::leave() {
  if (clients_.empty()) return;
  const auto found =
      std::next(clients_.begin(), static_cast<std::ptrdiff_t>(below(clients_.size())));
  const SessionId session{found->second.session};
  auto step = set_->close_session(session, dispatch::Leave::orderly, now_);
  forget(found->first);
  take(std::move(step));
}

void Crowd::settle(std::optional<Outcome> always) {
  std::vector<ConsumerId> holders;
  for (const auto& [id, client] : clients_)
    if (!client.held.empty()) holders.push_back(id);
  if (holders.empty()) return;
  const ConsumerId id = holders[below(holders.size())];
  Client& client = clients_.at(id);
  const auto found =
      std::next(client.held.begin(), static_cast<std::ptrdiff_t>(below(client.held.size())));
  const auto [delivery, offset] = *found;
  client.held.erase(found);
  Home& home = home_of(client.home);
  GroupBook& group = group_of(home, client.group);
  group.held.erase(offset);
  home.back_at = now_;
  const Outcome outcome = always      ? *always
                          : one_in(3) ? static_cast<Outcome>(below(4))
                                      : Outcome::ack;
  const bool settled = group.settled.contains(offset);
  if (!settled && outcome == Outcome::ack) group.acked.insert(offset);
  if (!settled && (outcome == Outcome::retry || outcome == Outcome::reject)) {
    const auto failed = ++group.failed[offset];
    const bool last = options_.max_deliveries > 0 && failed >= options_.max_deliveries;
    if (!home.dead && (outcome == Outcome::reject || last)) group.dying.insert(offset);
  }
  const SessionId session{client.session};
  take(set_->settle(id, delivery, outcome, now_));
  take(set_->free_slot(session, now_));
  must(group_of(home_of(home.id), clients_.at(id).group).acked.empty(),
       "what a consumer acknowledges is settled");
}

void Crowd::create_group() {
  const auto home = std::next(
      homes_.begin(), static_cast<std::ptrdiff_t>(homes_.empty() ? 0 : below(homes_.size())));
  if (home == homes_.end() || home->second.dead) return;
  const std::string name = kGroups[below(std::size(kGroups))];
  const std::string queue =
      options_.per_topic ? dispatch::mailbox_name(kName, home->second.topic) : kName;
  const Offset start{below(home->second.next.value + 3)};
  auto step = set_->add_group({}, queue, name, start, now_);
  const bool there = std::ranges::any_of(
      home->second.groups, [&](const auto& entry) { return entry.second.name == name; });
  must(step.has_value() != there, "groups have different names");
  if (step) take(std::move(*step));
}

void Crowd::delete_group() {
  const auto home = std::next(
      homes_.begin(), static_cast<std::ptrdiff_t>(homes_.empty() ? 0 : below(homes_.size())));
  if (home == homes_.end() || home->second.dead || home->second.groups.empty()) return;
  const GroupBook& group = home->second.groups.begin()->second;
  const std::string queue =
      options_.per_topic ? dispatch::mailbox_name(kName, home->second.topic) : kName;
  const std::string name = group.name;
  const bool busy = group.consumers > 0;
  auto step = set_->delete_group({}, queue, name, now_);
  must(step.has_value() != busy, "a group with consumers is not deleted");
  if (!step) return;
  deleted_by_command_ = name;
  take(std::move(*step));
  deleted_by_command_.clear();
}

void Crowd::purge() {
  purging_ = true;
  take(set_->purge({}, kName, now_).value());
  purging_ = false;
}

// In order, so that everything is on disk: the other simulation loses what is not.
void Crowd::restart() {
  check_books();
  for (auto& [id, client] : clients_) {
    GroupBook& group = group_of(home_of(client.home), client.group);
    group.held.clear();
    group.consumers = 0;
  }
  clients_.clear();
  waiting_.clear();
  set_ = std::make_unique<dispatch::QueueSet>(random_(), dispatch::CoreLimits{8, 6000});
  auto states = written_;
  for (auto& [id, home] : homes_) {
    home.line.clear();
    home.quiet_since = home.back_at = now_;
    for (auto& [group_id, group] : home.groups) group.idle_since = now_;
  }
  take(set_->restore(std::move(states), now_));
}

void Crowd::settle_down() {
  // One consumer for each group of each queue, with all the credit in the world.
  for (const auto& [id, client] : std::map(clients_)) {
    auto step = set_->close_session({client.session}, dispatch::Leave::orderly, now_);
    forget(id);
    take(std::move(step));
  }
  std::vector<std::pair<dispatch::QueueAddress, dispatch::QueueId>> all;
  for (const auto& [id, home] : homes_)
    for (const auto& [group_id, group] : home.groups) {
      dispatch::QueueAddress address;
      address.group = group.name;
      address.dead = home.dead;
      address.filter = home.topic.empty() ? options_.filter : home.topic;
      all.emplace_back(address, id);
    }
  for (const auto& [address, id] : all) {
    const SessionId session{++serial_};
    set_->open_session(session, {});
    auto subscribed = set_->subscribe(session, address, now_).value();
    clients_.emplace(subscribed.consumer, Client{session.value, address, id, address.group, {}});
    GroupBook& group = group_of(home_of(id), address.group);
    ++group.consumers;
    group.idle_since.reset();
    take(std::move(subscribed.step));
  }
  const auto holds_any = [this] {
    return std::ranges::any_of(clients_, [](const auto& c) { return !c.second.held.empty(); });
  };
  while (holds_any()) settle(Outcome::ack);
  for (const auto& [id, home] : homes_) {
    if (home.groups.empty()) continue;
    for (const auto& [offset, item] : home.items)
      for (const auto& [group_id, group] : home.groups)
        must(group.settled.contains(offset), "each group gets every message");
  }
  check_books();
}

}  // namespace model
