#include "report/balance.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "report/config_text.h"
#include "report/format.h"
#include "report/nth_values.h"
#include "report/parallel.h"
#include "report/statistics.h"

namespace trainyard::report {
namespace {

constexpr double kLateShare = 0.05;  // of a median step
constexpr double kNoiseFactor = 3;
constexpr double kWorthNaming = 0.01;
constexpr std::size_t kFewestSteps = 4;
constexpr std::size_t kBlock = 64;

constexpr std::array kOwnPhases{Phase::kData,     Phase::kTransfer,  Phase::kForward,
                                Phase::kBackward, Phase::kOptimizer, Phase::kOther};

/// A value per rank and measured step.
struct Matrix {
  std::size_t steps = 0;
  std::vector<float> values;

  Matrix(std::size_t ranks, std::size_t step_count) : steps(step_count), values(ranks * step_count) {}
  float* row(std::size_t rank) { return values.data() + rank * steps; }
  const float* row(std::size_t rank) const { return values.data() + rank * steps; }
};

/// The ranks that have steps, of those that do the same part of the work.
std::vector<std::vector<std::size_t>> peers_of(const Start& start, const Window& window) {
  const log::RunAttributes& id = start.ranks.front().attributes;
  const bool staged = id.strategy == "pipeline" || id.strategy == "model-parallel";
  std::int64_t stages = staged ? config_number(parse_config_text(id.config), "stages").value_or(0) : 1;
  if (stages <= 0 || id.world_size % stages != 0) stages = id.world_size;
  std::vector<std::vector<std::size_t>> peers;
  std::vector<std::int64_t> stage_of;
  for (std::size_t r = 0; r < start.ranks.size(); ++r) {
    if (window.rows[r].empty()) continue;
    const std::int64_t stage = start.ranks[r].attributes.rank % stages;
    const auto found = std::find(stage_of.begin(), stage_of.end(), stage);
    if (found == stage_of.end()) {
      stage_of.push_back(stage);
      peers.push_back({r});
    } else {
      peers[static_cast<std::size_t>(found - stage_of.begin())].push_back(r);
    }
  }
  return peers;
}

/// Each rank's own time of each measured step.
Matrix own_times(const Start& start, const Window& window) {
  Matrix own(start.ranks.size(), window.measured());
  in_parallel(start.ranks.size(), kRanksAThread, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      if (window.rows[r].empty()) continue;
      float* row = own.row(r);
      const StepColumns& steps = start.ranks[r].steps;
      for_each_measured(steps.step_ns, window.rows[r], window.warmup,
                        [row](std::size_t k, std::int64_t ns) { row[k] = static_cast<float>(ns); });
      for (const Phase waiting : {Phase::kExposedComm, Phase::kIdle}) {
        for_each_measured(steps.of(waiting), window.rows[r], window.warmup, [row](std::size_t k, std::int64_t ns) {
          row[k] = std::max(0.0F, row[k] - static_cast<float>(ns));
        });
      }
    }
  });
  return own;
}

void store_balance(const Matrix& own, const std::vector<std::size_t>& ranks, Balance& balance) {
  double total = 0;
  double most = 0;
  std::vector<float> latest(own.steps, 0.0F);
  for (const std::size_t r : ranks) {
    double sum = 0;
    for (std::size_t k = 0; k < own.steps; ++k) {
      sum += own.row(r)[k];
      latest[k] = std::max(latest[k], own.row(r)[k]);
    }
    total += sum;
    most = std::max(most, sum);
  }
  const double slowest_each_step = std::accumulate(latest.begin(), latest.end(), 0.0);
  if (most <= 0) return;
  const double mean = total / static_cast<double>(ranks.size());
  balance.load = mean / most;
  balance.step = mean / slowest_each_step;
}

/// In place of the peers' own times how late they are: less the lower median of the other peers' in the same step, for
/// the steps [first, last). Blocks of steps, since ranks lie far apart.
void find_lateness(Matrix& times, const std::vector<std::size_t>& peers, std::size_t first, std::size_t last) {
  const std::size_t n = peers.size();
  const std::size_t middle = (n - 2) / 2;  // of the others, counted from 0
  std::vector<float> block(kBlock * n);
  NthValues finder;
  for (std::size_t begin = first; begin < last; begin += kBlock) {
    const std::size_t count = std::min(kBlock, last - begin);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < count; ++k)
        block[k * n + i] = times.row(peers[i])[begin + k];
    }
    for (std::size_t k = 0; k < count; ++k) {
      const std::span<float> values(block.data() + k * n, n);
      const Neighbours median = finder.find(values, middle);
      for (float& value : values)  // without itself the median moves up for those below it
        value -= value <= median.low ? median.high : median.low;
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < count; ++k)
        times.row(peers[i])[begin + k] = block[k * n + i];
    }
  }
}

/// Spread of lateness without what delays do to it: of the lower quarter of each rank's, as a standard deviation. Of
/// long runs some of the steps are enough.
double noise_of(const Matrix& late, const std::vector<std::size_t>& peers) {
  constexpr double kBetweenQuantiles = 0.9704;  // of a normal distribution: from its 5 % to its 25 % quantile
  constexpr std::size_t kEnoughSteps = 500;
  const std::size_t stride = std::max<std::size_t>(1, late.steps / kEnoughSteps);
  std::vector<double> spreads;
  std::vector<double> values;
  for (const std::size_t r : peers) {
    values.clear();
    for (std::size_t k = 0; k < late.steps; k += stride)
      values.push_back(late.row(r)[k]);
    spreads.push_back((*quantile(values, 0.25) - *quantile(values, 0.05)) / kBetweenQuantiles);
  }
  return *quantile(spreads, 0.5);
}

/// Of each phase that counts as a rank's own and of each step, the sum over the peers.
class PhaseSums {
 public:
  PhaseSums(const Start& start, const Window& window, const std::vector<std::size_t>& peers)
      : start_(start), window_(window), peers_(peers.size()) {
    for (std::size_t i = 0; i < kOwnPhases.size(); ++i) {
      sums_[i].assign(window.measured(), 0.0);
      for (const std::size_t r : peers) {
        for_each_measured(start.ranks[r].steps.of(kOwnPhases[i]), window.rows[r], window.warmup,
                          [&](std::size_t k, std::int64_t ns) { sums_[i][k] += static_cast<double>(ns); });
      }
    }
  }

  /// The phase in which rank `r` loses most against the mean of the others, over the steps of `is_late`.
  Phase most_lost(std::size_t r, const std::vector<bool>& is_late) const {
    Phase cause = Phase::kOther;
    double most = 0;
    const auto others = static_cast<double>(peers_ - 1);
    for (std::size_t i = 0; i < kOwnPhases.size(); ++i) {
      double excess = 0;
      for_each_measured(start_.ranks[r].steps.of(kOwnPhases[i]), window_.rows[r], window_.warmup,
                        [&](std::size_t k, std::int64_t ns) {
                          const auto own = static_cast<double>(ns);
                          if (is_late[k]) excess += own - (sums_[i][k] - own) / others;
                        });
      if (excess <= most) continue;
      most = excess;
      cause = kOwnPhases[i];
    }
    return cause;
  }

 private:
  const Start& start_;
  const Window& window_;
  std::size_t peers_;
  std::array<std::vector<double>, kOwnPhases.size()> sums_;
};

struct Candidate {
  std::size_t rank = 0;
  Straggler straggler;
};

class Search {
 public:
  /// `own` becomes the ranks' lateness.
  Search(const Start& start, const Window& window, Matrix own, double median_step_ns, Balance& balance)
      : start_(start), window_(window), late_(std::move(own)), median_step_ns_(median_step_ns), balance_(balance) {}

  void among(const std::vector<std::size_t>& peers) {
    if (peers.size() < 2) return;
    in_parallel(late_.steps, 1000,
                [&](std::size_t begin, std::size_t end) { find_lateness(late_, peers, begin, end); });
    const double noise = noise_of(late_, peers);
    const double bound = kLateShare * median_step_ns_;
    const double late_from = std::max(bound, kNoiseFactor * noise);
    const double median_from = std::max(bound, 4 * noise / std::sqrt(static_cast<double>(late_.steps)));
    std::vector<Candidate> found;
    std::vector<float> wandering(late_.steps, 0.0F);
    std::vector<Candidate> candidates(peers.size());
    in_parallel(peers.size(), kRanksAThread, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        candidates[i] = judge(peers[i], late_from, median_from);
    });
    for (const Candidate& candidate : candidates) {
      const std::size_t r = candidate.rank;
      if (!candidate.straggler.persistent) {
        for (std::size_t k = 0; k < late_.steps; ++k) {
          if (late_.row(r)[k] > late_from) wandering[k] = std::max(wandering[k], late_.row(r)[k]);
        }
      }
      if (candidate.straggler.persistent || candidate.straggler.cost >= kWorthNaming) found.push_back(candidate);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Candidate& a, const Candidate& b) { return a.straggler.cost > b.straggler.cost; });
    if (found.size() > kMostStragglers) found.resize(kMostStragglers);
    add_wandering(wandering);
    if (found.empty()) return;
    const PhaseSums sums(start_, window_, peers);
    for (Candidate& candidate : found) {
      candidate.straggler.cause = sums.most_lost(candidate.rank, late_steps(candidate, late_from));
      balance_.stragglers.push_back(candidate.straggler);
    }
  }

 private:
  Candidate judge(std::size_t r, double late_from, double median_from) const {
    Candidate candidate{r, {}};
    Straggler& straggler = candidate.straggler;
    straggler.rank = start_.ranks[r].attributes.rank;
    straggler.node = clean_text(start_.ranks[r].attributes.node);
    const float* values = late_.row(r);
    const auto above = [&](double from) {
      return std::count_if(values, values + late_.steps, [from](float value) { return value > from; });
    };
    straggler.persistent = 2 * static_cast<std::size_t>(above(median_from)) > late_.steps;
    const double from = straggler.persistent ? median_from : late_from;
    const auto count = static_cast<double>(above(from));
    double lateness = 0;
    for (std::size_t k = 0; k < late_.steps; ++k)
      lateness += values[k] > from ? values[k] : 0.0F;
    straggler.late_share = count / static_cast<double>(late_.steps);
    straggler.late_ns = count > 0 ? lateness / count : 0;
    const double steps_ns = sum_of_measured(start_.ranks[r].steps.step_ns, window_.rows[r], window_.warmup);
    straggler.cost = steps_ns > 0 ? lateness / steps_ns : 0;
    return candidate;
  }

  std::vector<bool> late_steps(const Candidate& candidate, double late_from) const {
    std::vector<bool> is_late(late_.steps, true);
    if (candidate.straggler.persistent) return is_late;
    for (std::size_t k = 0; k < late_.steps; ++k)
      is_late[k] = late_.row(candidate.rank)[k] > late_from;
    return is_late;
  }

  void add_wandering(const std::vector<float>& wandering) {
    double sum = 0;
    double count = 0;
    for (const float ns : wandering) {
      sum += ns;
      count += ns > 0 ? 1 : 0;
    }
    balance_.wandering_share = std::max(balance_.wandering_share, count / static_cast<double>(wandering.size()));
    balance_.wandering_ns = std::max(balance_.wandering_ns, count > 0 ? sum / count : 0.0);
  }

  const Start& start_;
  const Window& window_;
  Matrix late_;
  double median_step_ns_;
  Balance& balance_;
};

double median_step(const Start& start, const Window& window, std::size_t rank) {
  std::vector<double> times;
  for_each_measured(start.ranks[rank].steps.step_ns, window.rows[rank], window.warmup,
                    [&times](std::size_t, std::int64_t ns) { times.push_back(static_cast<double>(ns)); });
  return quantile(times, 0.5).value_or(0);
}

}  // namespace

Balance balance_of(const Start& start, const Window& window) {
  Balance balance;
  std::vector<std::size_t> ranks;
  for (std::size_t r = 0; r < start.ranks.size(); ++r) {
    if (!window.rows[r].empty()) ranks.push_back(r);
  }
  if (ranks.size() < 2 || window.steps.size() <= window.warmup) return balance;
  Matrix own = own_times(start, window);
  store_balance(own, ranks, balance);
  if (window.measured() < kFewestSteps) return balance;
  Search search(start, window, std::move(own), median_step(start, window, ranks.front()), balance);
  for (const std::vector<std::size_t>& peers : peers_of(start, window))
    search.among(peers);
  return balance;
}

}  // namespace trainyard::report
