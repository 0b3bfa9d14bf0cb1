#include "parallel/cut.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/text.h"

namespace trainyard::parallel {
namespace {

/// begins: of each part, ascending, the first of them 0.
std::vector<models::Range> ranges_from(std::span<const std::size_t> begins, std::size_t stages) {
  std::vector<models::Range> ranges;
  for (std::size_t i = 0; i < begins.size(); ++i)
    ranges.push_back({begins[i], i + 1 < begins.size() ? begins[i + 1] : stages});
  return ranges;
}

void check_count(std::size_t stages, std::size_t parts) {
  if (parts >= 1 && parts <= stages) return;
  throw core::UsageError(
      fmt::format("the model has {} stages, too few for {} parts: lower stages or virtual-stages, or start fewer ranks",
                  stages, parts));
}

}  // namespace

std::vector<models::Range> balanced_cut(std::span<const double> costs, std::size_t parts) {
  const std::size_t stages = costs.size();
  check_count(stages, parts);
  std::vector<double> before(stages + 1, 0.0);
  std::partial_sum(costs.begin(), costs.end(), before.begin() + 1);
  // dearest[k][n]: of the best cut of the first n stages into k + 1 parts; begin[k][n]: where its last part begins.
  constexpr double kNone = std::numeric_limits<double>::infinity();
  std::vector dearest(parts, std::vector<double>(stages + 1, kNone));
  std::vector begin(parts, std::vector<std::size_t>(stages + 1, 0));
  dearest[0] = before;
  for (std::size_t k = 1; k < parts; ++k) {
    for (std::size_t n = k + 1; n <= stages; ++n) {
      for (std::size_t first = k; first < n; ++first) {
        const double candidate = std::max(dearest[k - 1][first], before[n] - before[first]);
        if (candidate > dearest[k][n]) continue;
        dearest[k][n] = candidate;
        begin[k][n] = first;
      }
    }
  }
  std::vector<std::size_t> begins(parts, 0);
  for (std::size_t k = parts, n = stages; k-- > 1;) {
    begins[k] = begin[k][n];
    n = begins[k];
  }
  return ranges_from(begins, stages);
}

std::vector<models::Range> named_cut(const std::string& cut, std::span<const std::string> stages, std::size_t parts) {
  check_count(stages.size(), parts);
  std::vector<std::size_t> begins = {0};
  for (const std::string_view word : core::split(cut, ',')) {
    const std::string name(core::trim(word));
    const auto found = std::ranges::find(stages, name);
    if (found == stages.end()) {
      const auto near = core::nearest(name, stages);
      throw core::UsageError(fmt::format("cut = {}: the model has no stage {}{}; its stages are {}", cut, name,
                                         near ? fmt::format(" (did you mean {}?)", *near) : std::string(),
                                         fmt::join(stages, ", ")));
    }
    const auto place = static_cast<std::size_t>(found - stages.begin());
    if (place <= begins.back()) {
      throw core::UsageError(fmt::format(
          "cut = {}: {} leaves the part before it empty: name the first stage of each later part, in the model's order",
          cut, name));
    }
    begins.push_back(place);
  }
  if (begins.size() != parts) {
    throw core::UsageError(fmt::format("cut = {}: makes {} parts, and the run has {}: name {} stage{}", cut,
                                       begins.size(), parts, parts - 1, parts == 2 ? "" : "s"));
  }
  return ranges_from(begins, stages.size());
}

}  // namespace trainyard::parallel
