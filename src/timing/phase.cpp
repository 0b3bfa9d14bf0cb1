#include "timing/phase.h"

namespace trainyard::timing {

void set_phases(log::StepRow& row, const PhaseTimes& times) {
  const auto of = [&](Phase phase) { return times[static_cast<std::size_t>(phase)]; };
  row.data_ns = of(Phase::kData);
  row.transfer_ns = of(Phase::kTransfer);
  row.forward_ns = of(Phase::kForward);
  row.backward_ns = of(Phase::kBackward);
  row.exposed_comm_ns = of(Phase::kExposedComm);
  row.idle_ns = of(Phase::kIdle);
  row.optimizer_ns = of(Phase::kOptimizer);
  row.other_ns = of(Phase::kOther);
}

}  // namespace trainyard::timing
