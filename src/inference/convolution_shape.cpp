#include "inference/convolution_shape.h"

#include <torch/csrc/jit/ir/constants.h>

#include <utility>

namespace trainyard::inference {

std::vector<std::int64_t> for_both_sides(std::vector<std::int64_t> numbers) {
  if (numbers.size() == 1) numbers.push_back(numbers.front());
  return numbers;
}

ConvolutionShape shape_of(const torch::jit::Node& convolution) {
  const auto numbers = [&](std::size_t input) {
    return for_both_sides(torch::jit::toIValue(convolution.input(input))->toIntVector());
  };
  const bool general = convolution.inputs().size() > 7;  // aten::_convolution; else aten::conv2d
  return {.stride = numbers(3),
          .padding = numbers(4),
          .dilation = numbers(5),
          .groups = torch::jit::toIValue(convolution.input(general ? 8 : 6))->toInt()};
}

}  // namespace trainyard::inference
