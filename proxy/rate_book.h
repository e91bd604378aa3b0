#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "dispatch/time.h"
#include "proxy/admin/api.h"

namespace proxy {

// How fast each queue's messages come and go, from its totals as they are noted now and then.
class RateBook {
 public:
  struct Totals {
    std::uint64_t stored = 0;
    std::uint64_t acked = 0;
  };

  // What a queue had counted at this time. Totals that shrank are those of another queue of the
  // same name: they begin anew.
  void note(const std::string& name, Totals totals, dispatch::Time now);
  // Between the last two notes; nothing before the second.
  std::optional<admin::Rates> of(const std::string& name) const;
  // Forgets queues whose last note is older.
  void forget_before(dispatch::Time time);
  std::size_t size() const { return pages_.size(); }

 private:
  struct Page {
    Totals totals;
    dispatch::Time at{};
    std::optional<admin::Rates> rates;
  };
  std::unordered_map<std::string, Page> pages_;
};

}  // namespace proxy
