#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "log/schema.h"
#include "timing/phase.h"
#include "timing/stream_clock.h"

namespace trainyard::timing {

/// What a step was, beside its times.
struct StepFacts {
  std::int64_t epoch = 0;
  std::int64_t step = 0;     ///< optimizer steps before it in the run
  std::int64_t samples = 0;  ///< of this rank
  at::Tensor loss;           ///< scalar, mean over this rank's samples; undefined: none. Read once the device is there
  /// All communication of the step. Asked once the stream has passed the step's end; none: 0.
  std::function<std::int64_t()> comm_ns;
};

/// Cuts the time of an epoch into steps, without a gap between them, and each step into phases, on the stream that
/// computes. A region measures its phase; what lies in no region is kOther, so that the phases' sum is the step.
///
/// Rows come out in order, on CUDA some steps late. One thread.
class StepTimer {
 public:
  using Sink = std::function<void(const log::StepRow&)>;

  /// A scope that belongs to one phase. Within it another may open, whose time is then its own.
  class Region {
   public:
    Region(StepTimer& timer, Phase phase) : timer_(timer), outer_(timer.phase_) { timer_.enter(phase); }
    ~Region() { timer_.enter(outer_); }
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;

   private:
    StepTimer& timer_;
    Phase outer_;
  };

  /// log_epoch_ns: the log's zero, as core::steady_ns(); start_ns counts from it.
  StepTimer(at::Device device, std::int64_t log_epoch_ns, Sink sink);

  /// The first step begins here. Waits for the device, once an epoch, to tie its clock to the host's.
  void start();
  /// The step ends here and the next begins.
  void finish_step(StepFacts facts);
  /// Calls observer at the end of each phase from now on; an empty one: nobody.
  void observe(std::function<void(Phase ended)> observer) { observer_ = std::move(observer); }
  /// Hands every row to the sink; waits for the device where it must.
  void drain();

 private:
  struct Change {
    Mark mark;
    Phase phase;  ///< from the mark on
  };
  struct Step {
    StepFacts facts;
    std::vector<Change> changes;
    Mark end;
  };

  void enter(Phase phase);
  void emit(const Step& step);

  std::unique_ptr<StreamClock> clock_;
  std::int64_t log_epoch_ns_;
  Sink sink_;
  std::function<void(Phase)> observer_;
  Phase phase_ = Phase::kOther;
  std::vector<Change> changes_;
  std::deque<Step> pending_;
  std::int64_t next_start_ns_ = 0;  ///< since the log's zero, of the oldest pending step
};

}  // namespace trainyard::timing
