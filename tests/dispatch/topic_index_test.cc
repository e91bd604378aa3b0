#include "dispatch/topic_index.h"

#include <algorithm>
#include <map>
#include <random>

#include <doctest/doctest.h>

#include "dispatch/topic.h"

using namespace dispatch;

namespace {

class RandomTopics {
 public:
  explicit RandomTopics(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  std::string topic() { return join({"a", "b", "", "$c"}); }

  std::string filter() {
    std::string filter = join({"a", "b", "", "+", "$c"});
    if (below(3) == 0) filter = below(4) == 0 ? "#" : filter + "/#";
    return filter;
  }

 private:
  std::string join(const std::vector<std::string>& levels) {
    std::string text = levels[below(levels.size())];
    for (auto more = below(4); more > 0; --more) text += "/" + levels[below(levels.size())];
    return text.empty() ? "a" : text;
  }

  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("the index finds what topic_matches finds, while filters come and go") {
  RandomTopics random(20260704);
  TopicIndex index;
  std::map<std::string, QueueId> filters;
  std::uint32_t id = 0, found = 0;
  for (int round = 0; round < 20000; ++round) {
    const auto filter = random.filter();
    if (filters.erase(filter) == 1) {
      index.remove(filter);
    } else if (filters.size() < 60) {
      filters[filter] = QueueId{++id};
      index.add(filter, QueueId{id});
    }
    const auto topic = random.topic();
    std::vector<QueueId> expected;
    for (const auto& [text, queue] : filters)
      if (topic_matches(text, topic)) expected.push_back(queue);
    std::sort(expected.begin(), expected.end());
    found += static_cast<std::uint32_t>(expected.size());
    REQUIRE_MESSAGE(index.match(topic) == expected, topic);
  }
  CHECK(found > 10000);
}
