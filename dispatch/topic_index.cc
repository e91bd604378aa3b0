#include "dispatch/topic_index.h"

#include <algorithm>

#include "dispatch/invariant.h"

namespace dispatch {

namespace {

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

// A path below some node; `end` follows the last level, unlike the empty level at the end of "a/".
struct Path {
  std::string_view text;
  bool end = false;

  std::string_view level() const { return text.substr(0, text.find('/')); }
  Path below() const {
    const auto slash = text.find('/');
    return slash == text.npos ? Path{{}, true} : Path{text.substr(slash + 1)};
  }
};

}  // namespace

// `+` is a child like any other: no topic level is called that. `#` is the last level of its
// filter, so a queue stands for it in the node above.
struct TopicIndex::Node {
  std::unordered_map<std::string, std::unique_ptr<Node>, Hash, std::equal_to<>> children;
  QueueId here;   // the queue whose filter ends here
  QueueId below;  // the queue whose filter goes on with `#` and ends

  const Node* child(std::string_view level) const {
    const auto found = children.find(level);
    return found == children.end() ? nullptr : found->second.get();
  }

  Node& make_child(std::string_view level) {
    auto& node = children[std::string(level)];
    if (!node) node = std::make_unique<Node>();
    return *node;
  }

  void match(Path path, bool wildcards, std::vector<QueueId>& queues) const {
    if (below && wildcards) queues.push_back(below);
    if (path.end) {
      if (here) queues.push_back(here);
      return;
    }
    if (const Node* node = child(path.level())) node->match(path.below(), true, queues);
    if (const Node* node = wildcards ? child("+") : nullptr)
      node->match(path.below(), true, queues);
  }

  // Removes what `path` leads to; true if nothing is left here.
  bool remove(Path path) {
    if (path.end) {
      here = {};
    } else if (path.text == "#") {
      below = {};
    } else {
      const auto found = children.find(path.level());
      INVARIANT(found != children.end(), "a filter is not in the index");
      if (found->second->remove(path.below())) children.erase(found);
    }
    return !here && !below && children.empty();
  }
};

TopicIndex::TopicIndex() : root_(std::make_unique<Node>()) {}
TopicIndex::~TopicIndex() = default;

void TopicIndex::add(std::string_view filter, QueueId queue) {
  Node* node = root_.get();
  Path path{filter};
  for (; !path.end && path.text != "#"; path = path.below()) node = &node->make_child(path.level());
  QueueId& place = path.end ? node->here : node->below;
  INVARIANT(!place, "a filter is in the index twice");
  place = queue;
}

void TopicIndex::remove(std::string_view filter) { root_->remove(Path{filter}); }

std::vector<QueueId> TopicIndex::match(std::string_view topic) const {
  std::vector<QueueId> queues;
  root_->match(Path{topic}, !topic.starts_with('$'), queues);
  std::ranges::sort(queues);
  return queues;
}

}  // namespace dispatch
