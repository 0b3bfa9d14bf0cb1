#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

/// What training needs in order to go on as if it had never stopped, in terms of the model and not of how it is spread:
/// `parameters/NAME` (the float32 masters), `buffers/NAME`, `optimizer/STATE/NAME`, and scalars such as
/// `optimizer/steps` and `scaler/scale`. So any number of ranks and any strategy can take it up.
namespace trainyard::parallel {

/// Elements [offset, offset + values.numel()) of one such tensor.
struct StatePiece {
  std::string name;
  std::vector<std::int64_t> shape;  ///< of the whole tensor
  bool channels_last = false;       ///< elements are counted in the order N, H, W, C, else row by row of the shape
  std::int64_t offset = 0;
  at::Tensor values;  ///< flat; shares memory with what it is the state of
};

/// Gives whole tensors of a saved state.
class StateReader {
 public:
  virtual ~StateReader() = default;
  /// On the CPU, of the shape asked for.
  /// @throws core::Error naming the tensor, and where it was looked for, when it is missing or of another shape.
  virtual at::Tensor read(const std::string& name, at::IntArrayRef shape) const = 0;
};

}  // namespace trainyard::parallel
