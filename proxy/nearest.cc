#include "proxy/nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace proxy {
namespace {

constexpr std::size_t kMaxWord = 64;  // longer ones are no slips, and the cost is a product

// Levenshtein's distance: insertions, deletions and replacements from one word to the other.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  if (word.size() > kMaxWord) return {};
  // A third of the letters may be wrong: "fliter" is a slip for "filter", "min" isn't for "mode".
  std::size_t best = word.size() / 3 + 1;
  std::string_view found;
  for (const std::string_view candidate : known) {
    const std::size_t d = distance(word, candidate);
    if (d >= best + (found.empty() ? 1 : 0)) continue;
    best = d;
    found = candidate;
  }
  return found.empty() ? std::string{} : " (did you mean '" + std::string(found) + "'?)";
}

}  // namespace proxy
