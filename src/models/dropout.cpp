#include "models/dropout.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/native_dropout.h>

#include <array>
#include <mutex>
#include <string_view>
#include <tuple>

#include "core/hash.h"

namespace trainyard::models {
namespace {

std::uint64_t seed_of(std::uint64_t key, std::uint64_t stage) {
  const std::array words{key, stage};
  return core::xxh3_64({reinterpret_cast<const char*>(words.data()), sizeof words});
}

}  // namespace

Dropout::Dropout(const Pass& pass, std::uint64_t stage, at::Device device) : trains_(pass.mode != Pass::kEvaluate) {
  if (!trains_) return;
  const std::uint64_t seed = seed_of(pass.key, stage);
  if (device.is_cpu()) {
    generator_ = at::detail::createCPUGenerator(seed);
    return;
  }
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::scoped_lock lock(generator.mutex());
  generator.set_current_seed(seed);
}

at::Tensor Dropout::apply(const at::Tensor& input, double p) {
  if (!drops(p)) return input;
  if (!input.is_cpu()) return std::get<0>(at::native_dropout(input, p, /*train=*/true));
  const at::Tensor kept = at::empty_like(input, at::kBool).bernoulli_(1.0 - p, generator_);
  return input.mul(kept).mul_(1.0 / (1.0 - p));
}

}  // namespace trainyard::models
