#include "models/input_shape.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

namespace trainyard::models {
namespace {

struct RandomInput {
  std::int64_t samples;
  at::MemoryFormat format;
  at::Generator generator = at::detail::createCPUGenerator(0);

  at::Tensor operator()(const ImageShape& shape) const {
    return at::randn({samples, shape.channels, shape.height, shape.width}, generator, at::kFloat).contiguous(format);
  }
  at::Tensor operator()(const TokenShape& shape) const {
    return at::randint(shape.vocabulary, {samples, shape.length}, generator, at::kLong);
  }
};

}  // namespace

at::Tensor random_input(const InputShape& shape, std::int64_t samples, config::MemoryFormat format) {
  const bool channels_last = format == config::MemoryFormat::kChannelsLast;
  return std::visit(RandomInput{samples, channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous},
                    shape);
}

}  // namespace trainyard::models
