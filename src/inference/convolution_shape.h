#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <vector>

namespace trainyard::inference {

/// What surrounds the weight of a 2-D convolution.
struct ConvolutionShape {
  std::vector<std::int64_t> stride;
  std::vector<std::int64_t> padding;
  std::vector<std::int64_t> dilation;
  std::int64_t groups = 1;
};

/// Of a convolution of a frozen graph, where these are constants (fusion.h plans no other).
ConvolutionShape shape_of(const torch::jit::Node& convolution);

/// One number stands for both sides of an image, and none for those of the operation's own choice: kernels of another
/// kind than LibTorch's plain ones do not all know that.
std::vector<std::int64_t> for_both_sides(std::vector<std::int64_t> numbers);

}  // namespace trainyard::inference
