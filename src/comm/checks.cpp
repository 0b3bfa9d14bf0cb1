#include "comm/checks.h"

#include <cstddef>
#include <functional>
#include <string>

#include "comm/operation.h"
#include "comm/reduce.h"
#include "core/error.h"

namespace trainyard::comm {
namespace {

std::string describe(std::int64_t elements, at::ScalarType type) {
  return std::to_string(elements) + " " + c10::toString(type);
}

void require_dense(const at::Tensor& tensor, Operation operation, std::optional<at::Device> device) {
  const bool in_place = tensor.defined() && (!device || tensor.device() == *device);
  if (in_place && tensor.is_non_overlapping_and_dense()) return;
  throw core::Error(std::string(name(operation)) + " takes dense tensors" + (device ? " on " + device->str() : "") +
                    "; got " +
                    (!tensor.defined() ? "none"
                     : in_place        ? "one with gaps"
                                       : "one on " + tensor.device().str()));
}

void require_reducible(const at::Tensor& tensor, Operation operation) {
  if (is_reducible(tensor.scalar_type())) return;
  throw core::Error(std::string(name(operation)) + " does not take " + c10::toString(tensor.scalar_type()) +
                    " tensors: float32, float64, float16, bfloat16 or int64");
}

/// `blocks` holds one block for each rank; `block` is elsewhere, or is this rank's own one of them.
void require_blocks(Operation operation, const char* blocks_are, const at::Tensor& blocks, const char* block_is,
                    const at::Tensor& block, int rank, int size) {
  const std::int64_t elements = size * block.numel();
  if (!blocks.is_contiguous() || blocks.scalar_type() != block.scalar_type() || blocks.numel() != elements)
    throw core::Error(std::string(name(operation)) + " wants a contiguous " + blocks_are + " of " +
                      describe(elements, block.scalar_type()) + "; got " +
                      (blocks.is_contiguous() ? "" : "a permuted ") + describe(blocks.numel(), blocks.scalar_type()));
  const auto* first = static_cast<const std::byte*>(blocks.const_data_ptr());
  const auto* data = static_cast<const std::byte*>(block.const_data_ptr());
  const auto bytes = static_cast<std::ptrdiff_t>(block.nbytes());
  const std::less<> before;
  const bool apart = !before(data, first + size * bytes) || !before(first, data + bytes);
  if (!apart && data != first + rank * bytes)
    throw core::Error(std::string(name(operation)) + " wants its " + block_is + " outside of its " + blocks_are +
                      ", or as block " + std::to_string(rank) + " of it, which is this rank's");
}

}  // namespace

void check_all_reduce(const at::Tensor& tensor, std::optional<at::Device> device) {
  require_dense(tensor, Operation::kAllReduce, device);
  require_reducible(tensor, Operation::kAllReduce);
}

void check_broadcast(const at::Tensor& tensor, int root, int size, std::optional<at::Device> device) {
  require_dense(tensor, Operation::kBroadcast, device);
  if (root < 0 || root >= size)
    throw core::Error("broadcast from rank " + std::to_string(root) + ": there are " + std::to_string(size) +
                      ", from 0 on");
}

void check_all_gather(const at::Tensor& output, const at::Tensor& input, int rank, int size,
                      std::optional<at::Device> device) {
  require_dense(input, Operation::kAllGather, device);
  require_dense(output, Operation::kAllGather, input.device());
  require_blocks(Operation::kAllGather, "output", output, "input", input, rank, size);
}

void check_reduce_scatter(const at::Tensor& output, const at::Tensor& input, int rank, int size,
                          std::optional<at::Device> device) {
  require_dense(output, Operation::kReduceScatter, device);
  require_dense(input, Operation::kReduceScatter, output.device());
  require_reducible(input, Operation::kReduceScatter);
  require_blocks(Operation::kReduceScatter, "input", input, "output", output, rank, size);
}

void check_exchange(const std::vector<P2P>& messages, int rank, int size, std::optional<at::Device> device) {
  for (const P2P& message : messages) {
    require_dense(message.tensor, Operation::kExchange, device);
    if (message.peer < 0 || message.peer >= size || message.peer == rank)
      throw core::Error("exchange of rank " + std::to_string(rank) + " with rank " + std::to_string(message.peer) +
                        ": another one of the " + std::to_string(size) + " ranks, which count from 0");
  }
}

void check_split(int color) {
  if (color < 0) throw core::Error("split by color " + std::to_string(color) + ": colors are 0 and more");
}

}  // namespace trainyard::comm
