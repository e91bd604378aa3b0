#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace proxy {

// How long something took, each time: counted in buckets, so that it costs the same for ever.
class Durations {
 public:
  // Upper bounds of the buckets; one more takes what was longer.
  static constexpr std::array<double, 12> kBoundsS = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                      0.05,   0.1,   0.25,   0.5,   1.0,  2.5};

  void note(std::chrono::duration<double> took) {
    std::size_t bucket = 0;
    while (bucket < kBoundsS.size() && took.count() > kBoundsS[bucket]) ++bucket;
    ++counts_[bucket];
    sum_s_ += took.count();
  }

  // Of one bucket alone; kBoundsS.size() is the last.
  std::uint64_t count(std::size_t bucket) const { return counts_[bucket]; }
  double sum_s() const { return sum_s_; }

 private:
  std::array<std::uint64_t, kBoundsS.size() + 1> counts_{};
  double sum_s_ = 0;
};

}  // namespace proxy
