#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <utility>

#include "data/input_maker.h"

namespace trainyard::data {
namespace {

class TokenMaker final : public InputMaker {
 public:
  TokenMaker(std::shared_ptr<const TokenDataset> dataset, std::shared_ptr<BufferSource> buffers)
      : dataset_(std::move(dataset)), buffers_(std::move(buffers)) {}

  at::Tensor make(std::span<const std::int64_t> samples, std::int64_t /*epoch*/) override {
    const std::int64_t length = padded_length(samples);
    const std::shared_ptr<void> buffer = buffers_->acquire();
    auto* row = static_cast<std::int64_t*>(buffer.get());
    for (const std::int64_t sample : samples) {
      dataset_->write_tokens(sample, row);
      std::fill(row + dataset_->length(sample), row + length, dataset_->info().padding);
      row += length;
    }
    // The deleter owns the buffer: it goes back when the last tensor that looks at it dies.
    return at::from_blob(
        buffer.get(), {static_cast<std::int64_t>(samples.size()), length}, [owner = buffer](void*) {}, at::kLong);
  }

 private:
  std::int64_t padded_length(std::span<const std::int64_t> samples) const {
    std::int64_t longest = 1;
    for (const std::int64_t sample : samples)
      longest = std::max(longest, dataset_->length(sample));
    return std::min((longest + kLengthStep - 1) / kLengthStep * kLengthStep, dataset_->info().max_length);
  }

  const std::shared_ptr<const TokenDataset> dataset_;
  const std::shared_ptr<BufferSource> buffers_;
};

}  // namespace

std::unique_ptr<InputMaker> make_token_maker(std::shared_ptr<const TokenDataset> dataset,
                                             std::shared_ptr<BufferSource> buffers) {
  return std::make_unique<TokenMaker>(std::move(dataset), std::move(buffers));
}

std::size_t input_bytes(const TokenDataset& dataset) {
  return sizeof(std::int64_t) * static_cast<std::size_t>(dataset.info().max_length);
}

}  // namespace trainyard::data
