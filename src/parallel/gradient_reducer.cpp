#include "parallel/gradient_reducer.h"

namespace trainyard::parallel {

GradientReducer::GradientReducer(FlatParameters& parameters, comm::Communicator& communicator)
    : parameters_(parameters), communicator_(communicator) {}

void GradientReducer::begin_step() {
  next_ = 0;
  works_.clear();
  missing_.clear();
  for (const FlatBucket& bucket : parameters_.buckets())
    missing_.push_back(bucket.layout.slots.size());
}

void GradientReducer::mark_ready(std::size_t parameter) {
  --missing_[parameters_.bucket_of(parameter)];
  while (next_ < missing_.size() && missing_[next_] == 0) {
    works_.push_back(communicator_.all_reduce(parameters_.buckets()[next_].gradients, comm::ReduceOp::kSum));
    ++next_;
  }
}

void GradientReducer::wait(std::size_t bucket) {
  works_[bucket]->wait();
}

}  // namespace trainyard::parallel
