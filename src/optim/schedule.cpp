#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace trainyard::optim {

Schedule::Schedule(const config::RunConfig& run, std::int64_t steps_per_epoch, std::int64_t total_steps)
    : kind_(run.schedule),
      lr_(run.lr),
      step_factor_(run.step_factor),
      decay_steps_(run.step_epochs * steps_per_epoch),
      warmup_steps_(std::llround(run.warmup * static_cast<double>(steps_per_epoch))),
      total_steps_(total_steps) {}

double Schedule::at(std::int64_t step) const {
  if (step < warmup_steps_) return lr_ * static_cast<double>(step + 1) / static_cast<double>(warmup_steps_);
  switch (kind_) {
    case config::ScheduleKind::kConstant:
      return lr_;
    case config::ScheduleKind::kStep:
      return lr_ * std::pow(step_factor_, static_cast<double>(step / decay_steps_));
    case config::ScheduleKind::kCosine:
      return lr_ * 0.5 * (1.0 + std::cos(std::numbers::pi * progress(step)));
    case config::ScheduleKind::kLinear:
      return lr_ * (1.0 - progress(step));
  }
  return lr_;
}

double Schedule::progress(std::int64_t step) const {
  const double length = static_cast<double>(std::max<std::int64_t>(total_steps_ - warmup_steps_, 1));
  return std::min(static_cast<double>(step - warmup_steps_) / length, 1.0);
}

}  // namespace trainyard::optim
