#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>

#include "data/buffer_pool.h"
#include "data/dataset.h"

namespace trainyard::data {

struct LoaderOptions;

/// Turns samples into what a model's first stage takes: one kind of data each. For one thread.
class InputMaker {
 public:
  virtual ~InputMaker() = default;

  /// The samples' input, first dimension by sample, on the CPU; in a buffer of the maker's source.
  virtual at::Tensor make(std::span<const std::int64_t> samples, std::int64_t epoch) = 0;
};

/// float32 [n, channels, height, width]: augmented as the options say, and normalised.
std::unique_ptr<InputMaker> make_image_maker(std::shared_ptr<const ImageDataset> dataset, const LoaderOptions& options,
                                             std::shared_ptr<BufferSource> buffers);
/// Bytes of a buffer for one image.
std::size_t input_bytes(const ImageDataset& dataset);

/// Token ids int64 [n, L], each row filled up with the padding id. L is the length of the longest of these samples,
/// rounded up to a multiple of kLengthStep (so that there are few shapes, and matrix units like them), at most the data
/// set's max_length.
std::unique_ptr<InputMaker> make_token_maker(std::shared_ptr<const TokenDataset> dataset,
                                             std::shared_ptr<BufferSource> buffers);
/// Bytes of a buffer for one sequence, of any length.
std::size_t input_bytes(const TokenDataset& dataset);

constexpr std::int64_t kLengthStep = 8;

}  // namespace trainyard::data
