#include "parallel/synchronised_statistics.h"

#include <utility>

namespace trainyard::parallel {

void SynchronisedStatistics::synchronise(models::Model& model, comm::Communicator& communicator) {
  model.synchronise_statistics(communicator, [this](std::shared_ptr<comm::Work> work) {
    const timing::StepTimer::Region region(*timer_, timing::Phase::kExposedComm);
    work->wait();
    works_.push_back(std::move(work));
  });
}

void SynchronisedStatistics::begin_step(timing::StepTimer& timer) {
  timer_ = &timer;
  works_.clear();
}

}  // namespace trainyard::parallel
