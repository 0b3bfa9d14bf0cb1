#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace trainyard::report {

/// The q-quantile, 0 <= q <= 1, by linear interpolation between order statistics at (n - 1) q, which is numpy's
/// default. Nothing for an empty sample. NaN values must not be given.
std::optional<double> quantile(std::span<const double> values, double q);

/// How many leading steps of an uninterrupted stretch are warm-up and are left out of timing figures: the first 10, but
/// at most a fifth of the stretch (rounded up); none where there is only one step.
std::size_t warmup_steps(std::size_t steps);

/// `warmup_steps` in words, for the report.
inline constexpr const char* kWarmupRule =
    "Warm-up: the first 10 steps of each start of a run are left out of timing figures, but at most a fifth of its "
    "steps (rounded up), and never its only step.";

}  // namespace trainyard::report
