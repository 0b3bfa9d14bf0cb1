#pragma once

#include <cstdint>

#include "log/schema.h"

namespace trainyard::training {

/// Tells how a run gets on, on rank 0 alone: a bar on a terminal, otherwise a plain line every ten seconds; and a line
/// an epoch. A launcher of several ranks reads their output through pipes: tools/launch then says in
/// TRAINYARD_TERMINAL_COLUMNS how wide the terminal behind it is.
class Progress {
 public:
  struct Plan {
    std::int64_t epochs = 0;
    std::int64_t total_steps = 0;
    std::int64_t step_samples = 0;  ///< of all ranks, in a whole step
  };

  Progress(const Plan& plan, bool shown);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void step(const log::StepRow& row);
  void epoch(const log::EpochRow& row);

 private:
  void draw_bar(const log::StepRow& row) const;
  void print_line(const log::StepRow& row) const;
  void clear_bar() const;
  double seconds_left(std::int64_t step) const;
  double samples_per_second() const;

  Plan plan_;
  bool shown_;
  int columns_;  ///< of the terminal that shows the bar; 0: none
  std::int64_t last_shown_ns_;
  double step_seconds_ = 0.0;  ///< recent mean
};

}  // namespace trainyard::training
