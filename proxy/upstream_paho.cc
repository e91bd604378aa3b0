#include "proxy/upstream_paho.h"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <boost/asio/post.hpp>

#include "proxy/upstream_paho_link.h"

namespace proxy {
namespace {

// More at once would only queue behind each other's time-outs.
constexpr std::size_t max_connecting = 64;

// Paho C 1.3.12 takes these even for plain MQTT, and knows no exceptions.
void forget_http_proxies() {
  for (const char* name : {"http_proxy", "https_proxy"}) unsetenv(name);
}

class Handle final : public UpstreamLink {
 public:
  explicit Handle(PahoLink& link) : link_(link) {}
  ~Handle() override { link_.let_go(); }
  void send(protocol::Packet&& packet) override { link_.send(std::move(packet)); }
  bool can_take() const override { return link_.can_take(); }

 private:
  PahoLink& link_;  // stays until let_go()
};

class UpstreamPaho final : public Upstream, public PahoLinks {
 public:
  UpstreamPaho(boost::asio::io_context& the_core, const UpstreamPahoOptions& options)
      : PahoLinks((forget_http_proxies(), the_core), options.connect_timeout, options.target,
                  options.tls),
        name_(options.target.host + ":" + std::to_string(options.target.port)) {
    hand_over->on_burst([this] { perform_burst(); });
  }

  ~UpstreamPaho() override {
    *alive_ = false;
    hand_over->on_burst({});
    broker_address->cancel();
  }

  std::unique_ptr<UpstreamLink> open(UpstreamEvents& events) override {
    const LinkId id = new_link_id();
    auto& link = links_[id] = std::make_unique<PahoLink>(id, events, *this);
    return std::make_unique<Handle>(*link);
  }

  std::string address() const override { return name_; }
  bool idle() const override { return links_.empty(); }

 private:
  void line_up(LinkId link) override {
    line_.push_back(link);
    start_soon();
  }

  void turn_over(LinkId link) override {
    if (connecting_.erase(link) > 0) {
      start_soon();
    } else {
      std::erase(line_, link);
    }
  }

  void ending(const std::string& client_id) override { ending_.insert(client_id); }
  void ended(const std::string& client_id) override {
    ending_.erase(ending_.find(client_id));
    if (!line_.empty()) start_soon();
  }

  void starve(LinkId link) override { starving_.push_back(link); }
  void forget(LinkId link) override { links_.erase(link); }

  void start_soon() {
    if (std::exchange(start_posted_, true)) return;
    boost::asio::post(core, [this, alive = alive_] {
      if (*alive) start_next();
    });
  }

  // A client that comes back at once must not overtake its own DISCONNECT.
  void start_next() {
    start_posted_ = false;
    for (auto next = line_.begin(); next != line_.end() && connecting_.size() < max_connecting;) {
      PahoLink& link = *links_.at(*next);
      if (ending_.contains(link.client_id()) && !link.client_id().empty()) {
        ++next;
        continue;
      }
      connecting_.insert(*next);
      next = line_.erase(next);
      link.start();
    }
  }

  void perform_burst() {
    for (auto& event : hand_over->take()) {
      PahoLink* const link = find(event.link);
      if (!link) continue;
      std::visit([&](auto&& what) { link->perform(std::forward<decltype(what)>(what)); },
                 std::move(event.what));
    }
    for (std::size_t turns = starving_.size(); turns > 0 && budget.has_room(); --turns) {
      PahoLink* const link = find(starving_.front());
      starving_.pop_front();
      if (link) link->feed();
    }
  }

  PahoLink* find(LinkId id) {
    const auto found = links_.find(id);
    return found == links_.end() ? nullptr : found->second.get();
  }

  const std::string name_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unordered_map<LinkId, std::unique_ptr<PahoLink>> links_;
  std::deque<LinkId> line_;
  bool start_posted_ = false;
  std::unordered_multiset<std::string> ending_;
  std::unordered_set<LinkId> connecting_;
  std::deque<LinkId> starving_;
};

}  // namespace

std::unique_ptr<Upstream> make_upstream_paho(boost::asio::io_context& core,
                                             const UpstreamPahoOptions& options) {
  return std::make_unique<UpstreamPaho>(core, options);
}

}  // namespace proxy
