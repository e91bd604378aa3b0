#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dispatch/ids.h"

// Finds the queues whose filter matches a topic: a trie over topic levels. Matches as
// topic_matches() does, in time that depends on the depth of the filters and not on their number.

namespace dispatch {

class TopicIndex {
 public:
  TopicIndex();
  ~TopicIndex();

  // `filter` is valid and not in the index yet.
  void add(std::string_view filter, QueueId queue);
  // `filter` is in the index.
  void remove(std::string_view filter);
  // In ascending order.
  std::vector<QueueId> match(std::string_view topic) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace dispatch
