#include "report/scaling_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "report/groups.h"

namespace trainyard::report {
namespace {

constexpr std::size_t kTerms = 3;
using Terms = std::array<double, kTerms>;

struct Measured {
  std::int64_t ranks = 0;
  double step_ns = 0;
  double batch = 0;  ///< of all ranks
};

/// What a step of n ranks has of compute, alpha and beta.
Terms terms_of(std::int64_t ranks, ScalingKind kind, double model_bytes) {
  const auto n = static_cast<double>(ranks);
  return {kind == ScalingKind::kWeak ? 1.0 : 1.0 / n, 2 * (n - 1), 2 * (n - 1) / n * model_bytes};
}

double model_time(const Terms& terms, const Terms& factors) {
  double sum = 0;
  for (std::size_t i = 0; i < kTerms; ++i)
    sum += terms[i] * factors[i];
  return sum;
}

/// Least squares of A x = 1 over the columns in `use`, by Gaussian elimination of the normal equations; none where they
/// are singular or a factor is negative.
std::optional<Terms> solve(const std::vector<Terms>& rows, const std::vector<std::size_t>& use) {
  const std::size_t n = use.size();
  std::array<std::array<double, kTerms + 1>, kTerms> equations{};
  std::array<double, kTerms> scale{};
  for (std::size_t i = 0; i < n; ++i) {  // columns differ by many powers of ten
    for (const Terms& row : rows)
      scale[i] = std::max(scale[i], std::abs(row[use[i]]));
    if (scale[i] == 0) return std::nullopt;
  }
  for (const Terms& row : rows) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j)
        equations[i][j] += row[use[i]] / scale[i] * (row[use[j]] / scale[j]);
      equations[i][n] += row[use[i]] / scale[i];
    }
  }
  for (std::size_t column = 0; column < n; ++column) {
    std::size_t pivot = column;
    for (std::size_t i = column; i < n; ++i) {
      if (std::abs(equations[i][column]) > std::abs(equations[pivot][column])) pivot = i;
    }
    if (std::abs(equations[pivot][column]) < 1e-12) return std::nullopt;
    std::swap(equations[pivot], equations[column]);
    for (std::size_t i = 0; i < n; ++i) {
      if (i == column) continue;
      const double factor = equations[i][column] / equations[column][column];
      for (std::size_t j = column; j <= n; ++j)
        equations[i][j] -= factor * equations[column][j];
    }
  }
  Terms factors{};
  for (std::size_t i = 0; i < n; ++i) {
    factors[use[i]] = equations[i][n] / equations[i][i] / scale[i];
    if (factors[use[i]] < 0) return std::nullopt;
  }
  return factors;
}

/// The factors of least squared relative error, none negative: the best of all choices of terms.
Terms fit(const std::vector<Measured>& points, ScalingKind kind, double model_bytes) {
  std::vector<Terms> rows;
  for (const Measured& point : points) {
    Terms row = terms_of(point.ranks, kind, model_bytes);
    for (double& term : row)
      term /= point.step_ns;
    rows.push_back(row);
  }
  const std::vector<std::vector<std::size_t>> choices =
      points.size() < 3 ? std::vector<std::vector<std::size_t>>{{0}, {0, 2}}
                        : std::vector<std::vector<std::size_t>>{{0}, {0, 1}, {0, 2}, {0, 1, 2}};
  Terms best{};
  double least = INFINITY;
  for (const auto& use : choices) {
    const std::optional<Terms> factors = solve(rows, use);
    if (!factors) continue;
    double error = 0;
    for (const Terms& row : rows)
      error += std::pow(model_time(row, *factors) - 1, 2);
    if (error >= least) continue;
    least = error;
    best = *factors;
  }
  return best;
}

ScalingModel make_model(std::string label, ScalingKind kind, const std::vector<Measured>& measured,
                        double model_bytes) {
  const Terms factors = fit(measured, kind, model_bytes);
  ScalingModel model;
  model.label = std::move(label);
  model.kind = kind;
  model.compute_ns = factors[0];
  model.alpha_ns = factors[1];
  model.beta_ns = factors[2];
  const std::int64_t most = measured.back().ranks;
  const double batch_of_one = measured.back().batch / (kind == ScalingKind::kWeak ? static_cast<double>(most) : 1.0);
  const auto add_point = [&](std::int64_t ranks, double measured_ns) {
    const auto n = static_cast<double>(ranks);
    const double ns = model_time(terms_of(ranks, kind, model_bytes), factors);
    const double batch = kind == ScalingKind::kWeak ? batch_of_one * n : batch_of_one;
    const double ideal = kind == ScalingKind::kWeak ? factors[0] : factors[0] / n;
    model.points.push_back({ranks, measured_ns, ns, batch / (ns / 1e9), ideal / ns, n / static_cast<double>(most)});
    if (measured_ns > 0) model.largest_error = std::max(model.largest_error, std::abs(ns / measured_ns - 1));
  };
  for (const Measured& point : measured)
    add_point(point.ranks, point.step_ns);
  for (const std::int64_t times : {2, 4, 8})
    add_point(most * times, 0);
  return model;
}

/// What runs of one series share, but for the strategy of a single rank.
ConfigText series_key(const RunSummary& run, ScalingKind kind) {
  ConfigText key = factors_of(run);
  if (kind == ScalingKind::kWeak) {
    key["batch of a rank"] = std::to_string(run.attributes.global_batch / std::max<std::int64_t>(1, run.ranks));
    key.erase("global batch");
  }
  for (const char* name : {"ranks", "strategy", "threads", "config_digest", "batch-size", "run"})
    key.erase(name);
  return key;
}

bool takes_part(const RunSummary& run) {
  return run.ranks_present == run.ranks && run.attributes.global_batch > 0 && run.step_mean_ns > 0 &&
         run.images_per_second && run.attributes.strategy != "pipeline" && run.attributes.strategy != "model-parallel";
}

/// The runs of a series that use `strategy`, and those of a single rank, by ranks.
std::vector<Measured> measured_points(const std::vector<const RunSummary*>& series, const std::string& strategy) {
  std::map<std::int64_t, std::vector<const RunSummary*>> by_ranks;
  for (const RunSummary* run : series) {
    if (run->ranks == 1 || run->attributes.strategy == strategy) by_ranks[run->ranks].push_back(run);
  }
  std::vector<Measured> points;
  for (const auto& [ranks, members] : by_ranks) {
    Measured point{ranks, 0, static_cast<double>(members.front()->attributes.global_batch)};
    for (const RunSummary* run : members)
      point.step_ns += run->step_mean_ns / static_cast<double>(members.size());
    points.push_back(point);
  }
  return points;
}

}  // namespace

std::vector<ScalingModel> fit_scaling(const std::vector<RunSummary>& runs) {
  std::vector<ScalingModel> models;
  for (const ScalingKind kind : {ScalingKind::kWeak, ScalingKind::kStrong}) {
    std::map<ConfigText, std::vector<const RunSummary*>> all_series;
    for (const RunSummary& run : runs) {
      if (takes_part(run)) all_series[series_key(run, kind)].push_back(&run);
    }
    for (const auto& [key, series] : all_series) {
      std::set<std::string> strategies;
      for (const RunSummary* run : series) {
        if (run->ranks > 1) strategies.insert(run->attributes.strategy);
      }
      for (const std::string& strategy : strategies) {
        const std::vector<Measured> points = measured_points(series, strategy);
        if (points.size() < 2) continue;
        const log::RunAttributes& id = series.front()->attributes;
        const double bytes = id.model_bytes > 0 ? static_cast<double>(id.model_bytes) : 1.0;
        models.push_back(make_model(fmt::format("{} · {} · {} · {}", id.model, id.data, id.precision, strategy), kind,
                                    points, bytes));
        models.back().size_known = id.model_bytes > 0;
      }
    }
  }
  return models;
}

}  // namespace trainyard::report
