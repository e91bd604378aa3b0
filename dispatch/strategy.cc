#include "dispatch/strategy.h"

#include <map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dispatch/invariant.h"
#include "dispatch/random.h"

namespace dispatch {

namespace {

bool may_take(const Consumer& consumer, std::uint64_t packet_bytes, ConsumerId avoid) {
  return consumer.id != avoid && packet_bytes <= consumer.session->limits.max_packet_bytes;
}

// Consumers in order of rank. round_robin leaves the load at 0, so whoever was served longest ago
// comes first; least_inflight does the same among those that hold equally few.
class OrderedChooser final : public Chooser {
 public:
  explicit OrderedChooser(bool by_load) : by_load_(by_load) {}

  void add(Consumer& consumer) override {
    consumer.rank.load = load_of(consumer);
    const bool added = by_rank_.emplace(key_of(consumer), &consumer).second;
    INVARIANT(added, "a consumer is available twice");
  }

  void remove(Consumer& consumer) override {
    const auto removed = by_rank_.erase(key_of(consumer));
    INVARIANT(removed == 1, "a consumer to remove is not available");
  }

  void held_changed(Consumer& consumer) override {
    if (by_load_) move(consumer, Rank{load_of(consumer), consumer.rank.turn});
  }

  bool empty() const override { return by_rank_.empty(); }

  Consumer* choose(std::uint64_t packet_bytes, ConsumerId avoid) override {
    for (const auto& [key, consumer] : by_rank_)
      if (may_take(*consumer, packet_bytes, avoid)) return consumer;
    return nullptr;
  }

  void given(Consumer& consumer) override { move(consumer, Rank{load_of(consumer), ++turn_}); }

 private:
  using Key = std::pair<Rank, ConsumerId>;

  static Key key_of(const Consumer& consumer) { return {consumer.rank, consumer.id}; }

  std::uint64_t load_of(const Consumer& consumer) const { return by_load_ ? consumer.load() : 0; }

  // Takes the node to its new place without allocating.
  void move(Consumer& consumer, Rank rank) {
    auto node = by_rank_.extract(key_of(consumer));
    INVARIANT(!node.empty(), "a consumer to rank is not available");
    consumer.rank = rank;
    node.key() = key_of(consumer);
    by_rank_.insert(std::move(node));
  }

  const bool by_load_;
  std::uint64_t turn_ = 0;
  std::map<Key, Consumer*> by_rank_;
};

// Any of them, evenly.
class RandomChooser final : public Chooser {
 public:
  explicit RandomChooser(std::uint64_t seed) : random_(seed) {}

  void add(Consumer& consumer) override {
    consumer.rank.turn = consumers_.size();
    consumers_.push_back(&consumer);
  }

  void remove(Consumer& consumer) override {
    const auto place = consumer.rank.turn;
    INVARIANT(place < consumers_.size() && consumers_[place] == &consumer,
              "a consumer is not available");
    consumers_[place] = consumers_.back();
    consumers_[place]->rank.turn = place;
    consumers_.pop_back();
  }

  void held_changed(Consumer&) override {}
  void given(Consumer&) override {}
  bool empty() const override { return consumers_.empty(); }

  Consumer* choose(std::uint64_t packet_bytes, ConsumerId avoid) override {
    if (consumers_.empty()) return nullptr;
    const auto start = random_.below(consumers_.size());
    for (std::size_t i = 0; i < consumers_.size(); ++i) {
      Consumer* consumer = consumers_[(start + i) % consumers_.size()];
      if (may_take(*consumer, packet_bytes, avoid)) return consumer;
    }
    return nullptr;
  }

 private:
  Random random_;
  std::vector<Consumer*> consumers_;
};

// The one that joined first, as long as it is there; nobody else, even while it may not be chosen.
class ExclusiveChooser final : public Chooser {
 public:
  void join(Consumer& consumer) override { members_.push_back(&consumer); }
  void leave(Consumer& consumer) override { std::erase(members_, &consumer); }
  void add(Consumer& consumer) override { available_.insert(&consumer); }
  void remove(Consumer& consumer) override { available_.erase(&consumer); }
  void held_changed(Consumer&) override {}
  void given(Consumer&) override {}
  bool empty() const override { return members_.empty() || !available_.contains(members_.front()); }

  Consumer* choose(std::uint64_t packet_bytes, ConsumerId avoid) override {
    if (empty() || !may_take(*members_.front(), packet_bytes, avoid)) return nullptr;
    return members_.front();
  }

 private:
  std::vector<Consumer*> members_;  // in the order in which they joined
  std::unordered_set<Consumer*> available_;
};

}  // namespace

std::unique_ptr<Chooser> make_chooser(Strategy strategy, std::uint64_t seed) {
  switch (strategy) {
    case Strategy::least_inflight:
      return std::make_unique<OrderedChooser>(true);
    case Strategy::round_robin:
      return std::make_unique<OrderedChooser>(false);
    case Strategy::random:
      return std::make_unique<RandomChooser>(seed);
    case Strategy::key_affinity:
      break;
    case Strategy::exclusive:
      return std::make_unique<ExclusiveChooser>();
  }
  INVARIANT(false, "a strategy without a chooser");
}

}  // namespace dispatch
