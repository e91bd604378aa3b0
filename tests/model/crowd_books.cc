#include <algorithm>
#include <utility>

#include "dispatch/key_selector.h"
#include "tests/model/crowd.h"

// What the crowd's steps say, and whether they may.

namespace model {

using dispatch::End;
using dispatch::QueueId;

namespace {

constexpr dispatch::Duration kLooksAgainWithin{1000};  // dispatch/queue_limits.cc

}  // namespace

void Crowd::take(dispatch::Step&& step) {
  for (const auto& write : step.writes) note(write);
  std::vector<dispatch::Load> loads;
  for (const auto& action : step.actions) {
    if (const auto* accept = std::get_if<dispatch::Accept>(&action)) note_accepted(accept->request);
    if (const auto* deliver = std::get_if<dispatch::Deliver>(&action)) note(*deliver);
    if (const auto* load = std::get_if<dispatch::Load>(&action)) loads.push_back(*load);
    must(!std::holds_alternative<dispatch::Refuse>(action), "who waits for room gets it");
  }
  outdated_now_.clear();
  for (const auto& load : loads) answer(load);
}

void Crowd::answer(const dispatch::Load& load) {
  const auto home = homes_.find(load.queue);
  if (home == homes_.end()) return;
  std::vector<dispatch::StoredMessage> found;
  const auto& items = home->second.items;
  for (auto it = items.lower_bound(load.from); it != items.end() && it->first < load.end; ++it) {
    if (!found.empty() && (found.size() >= load.max_messages || one_in(10))) break;
    found.push_back({it->first, it->second.message});
  }
  take(set_->loaded(load, std::move(found), now_));
}

void Crowd::note(const dispatch::Write& write) {
  must(dispatch::apply(written_, write).has_value(), "writes never contradict each other");
  if (const auto* define = std::get_if<dispatch::DefineQueue>(&write)) {
    const bool dead = dispatch::holds_dead_letters(define->options);
    if (!dead && options_.per_topic) return;
    Home& home = homes_[define->queue];
    home.id = define->queue;
    home.dead = dead;
  } else if (const auto* mailbox = std::get_if<dispatch::DefineMailbox>(&write)) {
    must(find_home(mailbox->topic) == nullptr, "a topic has one mailbox");
    Home& home = homes_[mailbox->queue];
    home.id = mailbox->queue;
    home.topic = mailbox->topic;
    home.quiet_since = now_;
  } else if (const auto* append = std::get_if<dispatch::Append>(&write)) {
    note(*append);
  } else if (const auto* settled = std::get_if<dispatch::Settle>(&write)) {
    note(*settled);
  } else if (const auto* group = std::get_if<dispatch::DefineGroup>(&write)) {
    note(*group);
  } else if (const auto* no_group = std::get_if<dispatch::DeleteGroup>(&write)) {
    note(*no_group);
  } else if (const auto* gone = std::get_if<dispatch::DeleteQueue>(&write)) {
    note_gone(*gone);
  } else if (const auto* attempt = std::get_if<dispatch::Attempt>(&write)) {
    const auto& book = home_of(attempt->queue).groups.at(attempt->group);
    must(book.failed.at(attempt->offset) == attempt->failed, "attempts are counted");
  }
}

void Crowd::note(const dispatch::Append& write) {
  Home& home = home_of(write.queue);
  must(write.offset == home.next, "offsets are dense");
  must(home.topic.empty() || home.topic == write.message->topic,
       "a mailbox has the messages of its topic alone");
  home.next = dispatch::next(write.offset);
  Item& item = home.items[write.offset];
  item = {write.message, write.key, write.bytes, false};
  ++home.kept;
  home.bytes += write.bytes;
  for (auto& [id, group] : home.groups) group.failed.erase(write.offset);
  if (home.dead) return;
  ++stored_;
  if (!options_.last_value) return;
  const auto older = home.latest.find(write.key);
  if (older != home.latest.end() && !home.items.at(older->second).gone) {
    end_for_all(home, older->second);
    outdated_now_.insert(older->second);
  }
  home.latest[write.key] = write.offset;
}

void Crowd::end_for_all(Home& home, Offset offset) {
  Item& item = home.items.at(offset);
  for (auto& [id, group] : home.groups) group.settled.insert(offset);
  if (std::exchange(item.gone, true)) return;
  --home.kept;
  home.bytes -= item.bytes;
  became_calmer(home);
}

// Each end has its reason.
void Crowd::check_end_for_all(Home& home, Offset offset, End end) const {
  const Item& item = home.items.at(offset);
  if (item.gone) return;
  const bool held = std::ranges::any_of(
      home.groups, [&](const auto& g) { return g.second.held.contains(offset); });
  const auto retention = home.dead ? options_.dead_retention : options_.retention;
  switch (end) {
    case End::expired:
      return must(item.message->expires_at() && *item.message->expires_at() <= now_,
                  "only what has expired expires");
    case End::retired:
      return must(
          retention > dispatch::Duration(0) && item.message->stored_at + retention <= now_ && !held,
          "only what is too old retires");
    case End::dropped: {
      must(options_.overflow == dispatch::Overflow::drop_oldest && !held,
           "only drop_oldest drops, and nothing in flight");
      must((options_.max_messages > 0 && home.kept > options_.max_messages) ||
               (options_.max_bytes > 0 && home.bytes > options_.max_bytes),
           "nothing is dropped while there is room");
      for (auto it = home.items.begin(); it->first < offset; ++it)
        must(it->second.gone ||
                 std::ranges::any_of(
                     home.groups, [&](const auto& g) { return g.second.held.contains(it->first); }),
             "the oldest go first");
      return;
    }
    case End::unneeded:
      return must(!home.groups.empty() && !is_needed(home, offset),
                  "only what no group needs is unneeded");
    case End::purged:
      return must(purging_ && !held, "only a purge purges");
    default:
      throw BrokenInvariant("each end has its reason");
  }
}

void Crowd::note(const dispatch::Settle& write) {
  Home& home = home_of(write.queue);
  for (Offset offset = write.first; offset <= write.last; offset = dispatch::next(offset)) {
    ++ends_[dispatch::index_of(write.end)];
    if (!write.group) {
      check_end_for_all(home, offset, write.end);
      end_for_all(home, offset);
    } else {
      settle_in(home, home.groups.at(write.group), offset, write.end);
    }
  }
}

void Crowd::settle_in(Home& home, GroupBook& group, Offset offset, End end) {
  must(!group.settled.contains(offset), "what is done for a group is done once");
  if (end == End::acked) must(group.acked.erase(offset) == 1, "only consumers acknowledge");
  if (end == End::dead) must(group.dying.erase(offset) == 1, "dead after max deliveries");
  if (end == End::purged) must(purging_, "only a purge purges");
  must(end == End::acked || end == End::dead || end == End::purged, "each end has its reason");
  if (end == End::acked) ++home.acked;
  group.settled.insert(offset);
  group.failed.erase(offset);
  Item& item = home.items.at(offset);
  const bool stays = options_.last_value && !home.dead;
  if (!item.gone && !stays && !is_needed(home, offset)) end_for_all(home, offset);
  became_calmer(home);
}

bool Crowd::is_needed(const Home& home, Offset offset) const {
  return std::ranges::any_of(home.groups,
                             [&](const auto& g) { return !g.second.settled.contains(offset); });
}

void Crowd::note(const dispatch::DefineGroup& write) {
  Home& home = home_of(write.queue);
  GroupBook& group = home.groups[write.group];
  must(group.name.empty(), "group ids are not reused");
  group.name = write.name;
  group.idle_since = now_;
  for (const auto& [offset, item] : home.items)
    if (item.gone || offset < write.start) group.settled.insert(offset);
}

void Crowd::note(const dispatch::DeleteGroup& write) {
  Home& home = home_of(write.queue);
  const GroupBook& group = home.groups.at(write.group);
  must(group.consumers == 0, "a group with consumers stays");
  if (group.name != deleted_by_command_) {
    must(options_.group_expiry > dispatch::Duration(0) && group.idle_since &&
             *group.idle_since + options_.group_expiry <= now_,
         "a group expires when it has been idle for so long");
    ++groups_expired_;
  }
  home.groups.erase(write.group);
  became_calmer(home);
}

void Crowd::note_gone(const dispatch::DeleteQueue& write) {
  const Home& home = home_of(write.queue);
  must(!home.topic.empty() && is_quiet(home), "only a quiet mailbox goes");
  must(home.quiet_since + options_.mailbox_idle <= now_, "a mailbox goes after mailbox_idle");
  ++mailboxes_gone_;
  homes_.erase(write.queue);
}

bool Crowd::is_quiet(const Home& home) const {
  if (!home.line.empty()) return false;
  for (const auto& [id, group] : home.groups)
    if (group.consumers > 0 || group.name != dispatch::kDefaultGroup) return false;
  return std::ranges::all_of(home.items, [&](const auto& entry) {
    return entry.second.gone ||
           (options_.last_value && !home.groups.empty() && !is_needed(home, entry.first));
  });
}

void Crowd::became_calmer(Home& home) {
  if (is_quiet(home)) home.quiet_since = now_;
}

void Crowd::note(const dispatch::Deliver& deliver) {
  ++deliveries_;
  Client& client = clients_.at(deliver.consumer);
  must(client.home == deliver.queue, "only consumers get messages");
  Home& home = home_of(deliver.queue);
  GroupBook& group = group_of(home, client.group);
  const auto item = home.items.find(deliver.offset);
  must(item != home.items.end() && item->second.message->payload == deliver.message->payload,
       "a message is what was published");
  // Handing out can make room, when what has expired goes; a publish that waited may then outdate
  // in the same step what was handed out.
  must(!group.settled.contains(deliver.offset) || outdated_now_.contains(deliver.offset),
       "none after it was done");
  must(!group.held.contains(deliver.offset), "none in flight twice in a group");
  must(!deliver.message->expires_at() || *deliver.message->expires_at() > now_,
       "what has expired is not delivered");
  group.held[deliver.offset] = client.session;
  client.held[deliver.delivery] = deliver.offset;
  must(client.held.size() <= options_.max_inflight, "credit is never exceeded");
  if (options_.last_value && !home.dead) return;  // values wait for older ones of their key
  for (const auto& [offset, older] : home.items) {
    if (offset >= deliver.offset) break;
    const bool expired = older.message->expires_at() && *older.message->expires_at() <= now_;
    must(group.settled.contains(offset) || group.held.contains(offset) || expired,
         "order by offset among ready");
  }
}

void Crowd::note_accepted(dispatch::RequestId request) {
  const auto waiting = waiting_.find(request);
  must(waiting != waiting_.end(), "each publish is accepted once");
  Home* home = find_home(waiting->second->topic);
  const bool stored = home != nullptr && std::ranges::any_of(home->items, [&](const auto& e) {
                        return e.second.message == waiting->second;
                      });
  must(stored, "what is accepted is stored");
  if (const auto at = std::ranges::find(home->line, request); at != home->line.end()) {
    must(at == home->line.begin(), "first come, first served");
    home->line.pop_front();
  }
  waiting_.erase(waiting);
}

Crowd::Home* Crowd::find_home(const std::string& topic) {
  for (auto& [id, home] : homes_)
    if (!home.dead && (!options_.per_topic || home.topic == topic)) return &home;
  return nullptr;
}

Crowd::GroupBook& Crowd::group_of(Home& home, const std::string& name) {
  for (auto& [id, group] : home.groups)
    if (group.name == name) return group;
  throw BrokenInvariant("a consumer has a group");
}

bool Crowd::has_room(const Home& home, const dispatch::Message& message) const {
  const std::uint64_t bytes = message.size_bytes();
  if (options_.max_bytes > 0 && bytes > options_.max_bytes) return false;
  if (options_.overflow == dispatch::Overflow::drop_oldest) return true;
  std::uint64_t kept = home.kept + 1, all = home.bytes + bytes;
  const auto older = home.latest.find(dispatch::key_of(message, options_.key));
  if (options_.last_value && older != home.latest.end() && !home.items.at(older->second).gone) {
    --kept;
    all -= home.items.at(older->second).bytes;
  }
  return (options_.max_messages == 0 || kept <= options_.max_messages) &&
         (options_.max_bytes == 0 || all <= options_.max_bytes);
}

// What is over the limit is in flight, all of it from the oldest on; or was, not long ago.
void Crowd::check_limits() const {
  for (const auto& [id, home] : homes_) {
    if (home.dead) continue;
    must(home.line.empty() || !has_room(home, *waiting_.at(home.line.front())),
         "nobody waits while there is room");
    const bool over = (options_.max_messages > 0 && home.kept > options_.max_messages) ||
                      (options_.max_bytes > 0 && home.bytes > options_.max_bytes);
    if (!over) continue;
    must(options_.overflow == dispatch::Overflow::drop_oldest, "limits are exact");
    if (now_ <= home.back_at + kLooksAgainWithin) continue;
    for (const auto& [offset, item] : home.items)
      must(item.gone ||
               std::ranges::any_of(home.groups,
                                   [&](const auto& g) { return g.second.held.contains(offset); }),
           "limits are exact: what is over is in flight");
  }
}

void Crowd::check_books() const {
  const auto states = set_->states();
  must(states == written_, "the fold of the writes is the state");
  std::uint64_t acked = 0;
  for (const auto& [id, home] : homes_) {
    const auto& state = states.queues.at(id);
    must(state.kept() == home.kept && state.kept_bytes == home.bytes,
         "limits are exact: what is kept is counted");
    for (const auto& [offset, item] : home.items)
      must(state.keeps(offset) != item.gone, "a message is gone once every group has settled it");
    must(state.groups.size() == home.groups.size(), "groups are what they were");
    for (const auto& [group_id, group] : home.groups)
      for (const auto& [offset, item] : home.items)
        must(state.groups.at(group_id).settled.contains(offset) == group.settled.contains(offset),
             "exactly what is done is settled");
    if (!home.dead) acked += home.acked;
  }
  const auto stats = set_->stats("m", now_).value();
  must(stats.stored_total == stored_, "what mailboxes counted is counted on");
  must(stats.ended_as(End::acked) >= acked, "what mailboxes counted is counted on");
  must(stats.ended_as(End::lost) == 0, "no message is lost");
}

}  // namespace model
