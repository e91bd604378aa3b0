#include "dispatch/leases.h"

namespace dispatch {

namespace {

constexpr std::size_t kSettledAtMost = 64;  // or as many as are held, before they are dropped

}  // namespace

void Leases::add(const Lease& lease, std::size_t in_flight) {
  if (leases_.size() > 2 * in_flight + kSettledAtMost)
    std::erase_if(leases_, [](const Lease& old) { return !old.held(); });
  leases_.push_back(lease);
}

std::optional<Lease> Leases::first() {
  while (!leases_.empty() && !leases_.front().held()) leases_.pop_front();
  if (leases_.empty()) return std::nullopt;
  return leases_.front();
}

void Leases::forget(const Consumer& consumer) {
  std::erase_if(leases_, [&](const Lease& lease) { return lease.consumer == &consumer; });
}

}  // namespace dispatch
