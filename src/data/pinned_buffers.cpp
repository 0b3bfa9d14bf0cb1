#include "data/pinned_buffers.h"

#include <ATen/Context.h>
#include <ATen/core/CachingHostAllocator.h>

#include <algorithm>

#include "core/error.h"

namespace trainyard::data {
namespace {

class PinnedBuffers final : public BufferSource {
 public:
  explicit PinnedBuffers(std::size_t bytes) : bytes_(std::max<std::size_t>(1, bytes)) {}

  std::shared_ptr<void> acquire() override {
    auto block = std::make_shared<at::DataPtr>(at::getHostAllocator(at::kCUDA)->allocate(bytes_));
    return {block, block->get()};
  }

 private:
  std::size_t bytes_;
};

}  // namespace

std::unique_ptr<BufferSource> make_pinned_buffers(std::size_t bytes) {
  if (!at::hasCUDA()) {
    throw core::UsageError("page-locked batches need a CUDA device and LibTorch finds none; set device = cpu");
  }
  return std::make_unique<PinnedBuffers>(bytes);
}

}  // namespace trainyard::data
