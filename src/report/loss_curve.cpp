#include "report/loss_curve.h"

#include <cmath>

namespace trainyard::report {
namespace {

constexpr double kLargestLoss = 1e15;  // what lies beyond is shown as diverged, not drawn

std::vector<CurvePoint> thin_out(const std::vector<CurvePoint>& points) {
  if (points.size() <= kCurvePoints) return points;
  std::vector<CurvePoint> thin;
  for (std::size_t bin = 0; bin < kCurvePoints; ++bin) {
    const std::size_t begin = bin * points.size() / kCurvePoints;
    const std::size_t end = (bin + 1) * points.size() / kCurvePoints;
    CurvePoint sum;
    for (std::size_t i = begin; i < end; ++i)
      sum.value += points[i].value;
    thin.push_back({points[end - 1].x, sum.value / static_cast<double>(end - begin)});
  }
  return thin;
}

/// Losses of a start's steps, weighted by samples, and the weights. Rank by rank, since a rank's rows lie together.
struct Weighted {
  std::vector<double> loss;
  std::vector<double> weight;
  std::vector<double> samples;  ///< of all ranks, whether their losses are known or not

  Weighted(const Start& start, const Window& window)
      : loss(window.steps.size()), weight(window.steps.size()), samples(window.steps.size()) {
    for (std::size_t r = 0; r < start.ranks.size(); ++r) {
      if (window.rows[r].empty()) continue;
      const StepColumns& steps = start.ranks[r].steps;
      steps.samples.with([&](auto samples_at) {
        window.rows[r].with([&](auto row_at) {
          for (std::size_t k = 0; k < loss.size(); ++k) {
            const auto row = static_cast<std::size_t>(row_at(k));
            const auto of_rank = static_cast<double>(samples_at(row));
            samples[k] += of_rank;
            if (of_rank == 0 || steps.loss.empty()) continue;  // no loss: a pipeline's stage before the last
            loss[k] += static_cast<double>(steps.loss[row]) * of_rank;
            weight[k] += of_rank;
          }
        });
      });
    }
  }
};

}  // namespace

LossCurve loss_curve(const Run& run, const std::vector<Window>& windows) {
  LossCurve curve;
  double seen = 0;
  for (std::size_t s = 0; s < run.starts.size(); ++s) {
    const Weighted steps(run.starts[s], windows[s]);
    for (std::size_t k = 0; k < steps.loss.size(); ++k) {
      seen += steps.samples[k];
      const double mean = steps.weight[k] > 0 ? steps.loss[k] / steps.weight[k] : NAN;
      if (std::abs(mean) < kLargestLoss) {
        curve.points.push_back({seen, mean});
      } else {
        ++curve.not_finite;
      }
    }
  }
  curve.points = thin_out(curve.points);
  return curve;
}

}  // namespace trainyard::report
