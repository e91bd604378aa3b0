#include "proxy/rate_book.h"

namespace proxy {

void RateBook::note(const std::string& name, Totals totals, dispatch::Time now) {
  const auto [found, is_new] = pages_.try_emplace(name, Page{totals, now, {}});
  if (is_new) return;
  Page& page = found->second;
  const double seconds = std::chrono::duration<double>(now - page.at).count();
  if (seconds <= 0) return;
  const bool another = totals.stored < page.totals.stored || totals.acked < page.totals.acked;
  std::optional<admin::Rates> rates;
  if (!another)
    rates = admin::Rates{static_cast<double>(totals.stored - page.totals.stored) / seconds,
                         static_cast<double>(totals.acked - page.totals.acked) / seconds};
  page = Page{totals, now, rates};
}

std::optional<admin::Rates> RateBook::of(const std::string& name) const {
  const auto found = pages_.find(name);
  return found == pages_.end() ? std::nullopt : found->second.rates;
}

void RateBook::forget_before(dispatch::Time time) {
  std::erase_if(pages_, [time](const auto& entry) { return entry.second.at < time; });
}

}  // namespace proxy
