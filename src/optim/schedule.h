#pragma once

#include <cstdint>

#include "config/run_config.h"

namespace trainyard::optim {

/// The learning rate as a pure function of the optimizer step, so that a resumed run needs no state.
class Schedule {
 public:
  /// steps_per_epoch: optimizer steps; total_steps: of the whole run, where cosine and linear reach zero.
  Schedule(const config::RunConfig& run, std::int64_t steps_per_epoch, std::int64_t total_steps);

  /// The rate of step (from 0). Warm-up, in any schedule: linear, its first step already above zero. constant: lr.
  /// step: lr times step_factor for every step_epochs finished epochs. cosine: lr (1 + cos(pi t)) / 2, t from 0 after
  /// the warm-up to 1 at the end (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts). linear: lr (1 - t), as
  /// BERT and RoBERTa are fine-tuned (Liu et al. 2019, arXiv:1907.11692, appendix C).
  double at(std::int64_t step) const;

 private:
  /// t, for a step behind the warm-up.
  double progress(std::int64_t step) const;

  config::ScheduleKind kind_;
  double lr_;
  double step_factor_;
  std::int64_t decay_steps_;
  std::int64_t warmup_steps_;
  std::int64_t total_steps_;
};

}  // namespace trainyard::optim
