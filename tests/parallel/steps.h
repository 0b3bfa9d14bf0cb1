#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>

#include "comm/communicator.h"
#include "core/clock.h"
#include "parallel/strategy.h"

/// What tests of the strategies share: the same batches on every rank, steps, and how far two models are apart.
namespace trainyard::test {

inline config::RunConfig run_config() {
  config::RunConfig config;
  config.momentum = 0.9;
  config.weight_decay = 1e-4;
  config.bucket_mb = 0.01;  // several buckets of a small model
  return config;
}

/// The same on every rank: `samples` random images of `side` pixels, labels from 0 to 9.
inline data::Batch global_batch(std::int64_t samples, int step, std::int64_t side) {
  at::Generator generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(1000 + step));
  return {at::randn({samples, 3, side, side}, std::optional(generator), at::TensorOptions(at::kFloat)),
          at::arange(samples).mul(7).add(step).remainder(10), samples};
}

inline data::Batch slice(const data::Batch& batch, std::int64_t first, std::int64_t count) {
  return {batch.inputs.narrow(0, first, count), batch.labels.narrow(0, first, count), batch.global_samples};
}

inline timing::StepTimer quiet_timer() {
  timing::StepTimer timer(at::kCPU, core::steady_ns(), [](const log::StepRow&) {});
  timer.start();
  return timer;
}

/// One optimizer step over one batch.
inline parallel::StepResult step(parallel::Strategy& strategy, const data::Batch& batch, double lr) {
  timing::StepTimer timer = quiet_timer();
  return strategy.step({&batch, 1}, lr, timer);
}

/// Norm of the difference over the norm, over all parameters.
inline double relative_difference(const models::TensorMap& a, const models::TensorMap& b) {
  double difference = 0.0;
  double norm = 0.0;
  for (const auto& [name, tensor] : b) {
    if (!tensor.requires_grad()) continue;
    const at::Tensor x = a.at(name).detach().to(at::kDouble);
    const at::Tensor y = tensor.detach().to(at::kDouble);
    difference += x.sub(y).pow(2).sum().item<double>();
    norm += y.pow(2).sum().item<double>();
  }
  return std::sqrt(difference / norm);
}

inline void expect_same_bits(const models::TensorMap& tensors, const models::TensorMap& expected) {
  ASSERT_EQ(tensors.size(), expected.size());
  for (const auto& [name, tensor] : expected)
    EXPECT_TRUE(at::equal(tensors.at(name), tensor)) << name;
}

inline void expect_same_on_all_ranks(const models::TensorMap& tensors, comm::Communicator& communicator) {
  for (const auto& [name, tensor] : tensors) {
    at::Tensor of_rank_0 = tensor.detach().clone();
    communicator.broadcast(of_rank_0, 0)->wait();
    EXPECT_TRUE(at::equal(of_rank_0, tensor)) << name;
  }
}

}  // namespace trainyard::test
