#include "parallel/gradient_reducer.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

namespace trainyard::parallel {
namespace {

/// Buckets of sharded gradients that may lie whole in memory while they travel: one that is summed while the next is
/// written would stall at each end.
constexpr std::size_t kBucketsUnderWay = 2;

at::ScalarType travelling_type(at::ScalarType own, config::Compression compress) {
  if (own != at::kFloat || compress == config::Compression::kNone) return own;
  return compress == config::Compression::kFp16 ? at::kHalf : at::kBFloat16;
}

}  // namespace

GradientReducer::GradientReducer(FlatParameters& parameters, comm::Communicator& communicator,
                                 config::Compression compress)
    : parameters_(parameters), communicator_(communicator), compress_(compress) {}

void GradientReducer::begin_step(timing::StepTimer& timer) {
  timer_ = &timer;
  next_ = 0;
  finished_ = 0;
  works_.clear();
  compressed_.clear();
  missing_.clear();
  for (const FlatBucket& bucket : parameters_.buckets())
    missing_.push_back(bucket.layout.slots.size());
}

void GradientReducer::mark_ready(std::size_t parameter) {
  --missing_[parameters_.bucket_of(parameter)];
  for (; next_ < missing_.size() && missing_[next_] == 0; ++next_) {
    start(next_);
    if (parameters_.sharding().gradients) make_room();
  }
}

void GradientReducer::start(std::size_t bucket) {
  const c10::NoGradGuard no_grad;
  const FlatBucket& own = parameters_.buckets()[bucket];
  const at::ScalarType type = travelling_type(own.layout.dtype, compress_);
  const bool same_type = type == own.layout.dtype;
  const at::Tensor input = own.gradients.to(type);
  if (parameters_.sharding().ranks == 1) {
    compressed_.push_back(same_type ? at::Tensor() : input);
    works_.push_back(communicator_.all_reduce(input, comm::ReduceOp::kSum));
    return;
  }
  const at::Tensor output = same_type ? own.gradient_shard : at::empty(own.gradient_shard.sizes(), input.options());
  compressed_.push_back(same_type ? at::Tensor() : output);
  works_.push_back(communicator_.reduce_scatter(output, input, comm::ReduceOp::kSum));
}

void GradientReducer::finish(std::size_t bucket) {
  const c10::NoGradGuard no_grad;
  for (; finished_ <= bucket; ++finished_) {
    works_[finished_]->wait();
    at::Tensor& compressed = compressed_[finished_];
    if (compressed.defined()) parameters_.buckets()[finished_].gradient_shard.copy_(compressed);
    compressed.reset();
    parameters_.drop_gradients(finished_);
  }
}

void GradientReducer::make_room() {
  while (finished_ + 1 < works_.size() && works_[finished_]->done())
    finish(finished_);
  if (works_.size() - finished_ <= kBucketsUnderWay) return;
  const timing::StepTimer::Region region(*timer_, timing::Phase::kExposedComm);
  finish(works_.size() - kBucketsUnderWay - 1);
}

}  // namespace trainyard::parallel
