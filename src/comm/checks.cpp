#include "comm/checks.h"

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

}  // namespace

void check_all_reduce(const at::Tensor& tensor, std::optional<at::Device> device) {
  require_dense(tensor, Operation::kAllReduce, device);
  if (!is_reducible(tensor.scalar_type()))
    throw core::Error(std::string("all_reduce does not take ") + c10::toString(tensor.scalar_type()) +
                      " tensors: float32, float64, float16, bfloat16 or int64");
}

void check_broadcast(const at::Tensor& tensor, int root, int size, std::optional<at::Device> device) {
  require_dense(tensor, Operation::kBroadcast, device);
  if (root < 0 || root >= size)
    throw core::Error("broadcast from rank " + std::to_string(root) + ": there are " + std::to_string(size) +
                      ", from 0 on");
}

void check_all_gather(const at::Tensor& output, const at::Tensor& input, int size, std::optional<at::Device> device) {
  require_dense(input, Operation::kAllGather, device);
  require_dense(output, Operation::kAllGather, input.device());
  const std::int64_t elements = size * input.numel();
  if (output.is_contiguous() && output.scalar_type() == input.scalar_type() && output.numel() == elements) return;
  throw core::Error("all_gather wants a contiguous output of " + describe(elements, input.scalar_type()) + "; got " +
                    (output.is_contiguous() ? "" : "a permuted ") + describe(output.numel(), output.scalar_type()));
}

}  // namespace trainyard::comm
