#include "timing/step_timer.h"

#include <ATen/ops/empty.h>

#include <utility>

namespace trainyard::timing {

StepTimer::StepTimer(at::Device device, std::int64_t log_epoch_ns, Sink sink)
    : clock_(make_stream_clock(device)), log_epoch_ns_(log_epoch_ns), sink_(std::move(sink)) {}

void StepTimer::start() {
  drain();
  changes_.clear();
  phase_ = Phase::kOther;
  // An event carries no time of its own. Waiting for one on an idle stream ties it to the host's clock.
  clock_->wait(clock_->mark());
  changes_.push_back({clock_->mark(), phase_});
  next_start_ns_ = changes_.back().mark.host_ns - log_epoch_ns_;
}

void StepTimer::enter(Phase phase) {
  if (phase == phase_) return;
  if (observer_) observer_(phase_);
  phase_ = phase;
  changes_.push_back({clock_->mark(), phase});
}

void StepTimer::finish_step(StepFacts facts) {
  if (facts.loss.defined() && !facts.loss.is_cpu()) {
    // Only a copy into page-locked memory returns before the device is there.
    at::Tensor host = at::empty({}, facts.loss.options().device(at::kCPU).pinned_memory(true));
    facts.loss = host.copy_(facts.loss, /*non_blocking=*/true);
  }
  const Mark end = clock_->mark();
  pending_.push_back({std::move(facts), std::exchange(changes_, {}), end});
  changes_.push_back({end, phase_});
  while (!pending_.empty() && clock_->passed(pending_.front().end)) {
    emit(pending_.front());
    pending_.pop_front();
  }
}

void StepTimer::drain() {
  while (!pending_.empty()) {
    const Step& step = pending_.front();
    clock_->wait(step.end);
    emit(step);
    pending_.pop_front();
  }
}

void StepTimer::emit(const Step& step) {
  PhaseTimes times{};
  for (std::size_t i = 0; i < step.changes.size(); ++i) {
    const Mark& end = i + 1 < step.changes.size() ? step.changes[i + 1].mark : step.end;
    times[static_cast<std::size_t>(step.changes[i].phase)] += clock_->interval_ns(step.changes[i].mark, end);
  }
  log::StepRow row;
  row.epoch = step.facts.epoch;
  row.step = step.facts.step;
  row.samples = step.facts.samples;
  set_phases(row, times);
  for (const std::int64_t time : times)
    row.step_ns += time;
  row.start_ns = next_start_ns_;
  next_start_ns_ += row.step_ns;
  if (step.facts.comm_ns) row.comm_ns = step.facts.comm_ns();
  if (step.facts.loss.defined()) row.loss = step.facts.loss.item<double>();
  sink_(row);
}

}  // namespace trainyard::timing
