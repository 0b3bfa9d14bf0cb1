#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "report/window.h"

namespace trainyard::report {

struct CurvePoint {
  double x = 0;
  double value = 0;
};

/// Most points of a loss curve; a longer run's neighbouring steps share one.
inline constexpr std::size_t kCurvePoints = 80;

struct LossCurve {
  std::vector<CurvePoint>
      points;  ///< over training samples seen; mean over the ranks whose losses are read and neighbouring steps
  std::int64_t not_finite = 0;  ///< steps that are not in it for want of a finite loss
};

/// Of all stitched steps of the run, warm-up included.
LossCurve loss_curve(const Run& run, const std::vector<Window>& windows);

}  // namespace trainyard::report
