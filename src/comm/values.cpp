#include "comm/values.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace trainyard::comm {
namespace {

constexpr std::int64_t kLongestText = std::int64_t{64} << 20;

// A tensor of its own: an exchange that failed may still write into it when the caller's stack is gone.
at::Tensor copy_of(const void* data, std::size_t count, at::ScalarType type) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(count)}, type);
  std::memcpy(tensor.data_ptr(), data, tensor.nbytes());
  return tensor;
}

template <class T>
void reduce_values(Communicator& control, std::span<T> values, at::ScalarType type, ReduceOp op) {
  const at::Tensor tensor = copy_of(values.data(), values.size(), type);
  control.all_reduce(tensor, op)->wait();
  std::memcpy(values.data(), tensor.const_data_ptr(), values.size_bytes());
}

template <class T>
std::vector<T> gather_value(Communicator& control, T value, at::ScalarType type) {
  const at::Tensor all = at::empty({control.size()}, type);
  control.all_gather(all, copy_of(&value, 1, type))->wait();
  const T* first = all.const_data_ptr<T>();
  return std::vector<T>(first, first + control.size());
}

void require_short(std::int64_t bytes) {
  if (bytes > kLongestText)
    throw core::Error("a text of " + std::to_string(bytes) +
                      " bytes is too long for the control communicator (64 MiB)");
}

}  // namespace

void all_reduce(Communicator& control, std::span<double> values, ReduceOp op) {
  reduce_values(control, values, at::kDouble, op);
}

void all_reduce(Communicator& control, std::span<std::int64_t> values, ReduceOp op) {
  reduce_values(control, values, at::kLong, op);
}

std::vector<std::int64_t> all_gather(Communicator& control, std::int64_t value) {
  return gather_value(control, value, at::kLong);
}

std::vector<double> all_gather(Communicator& control, double value) {
  return gather_value(control, value, at::kDouble);
}

std::string broadcast(Communicator& control, std::string text, int root) {
  const auto own_bytes = static_cast<std::int64_t>(text.size());
  const at::Tensor length = copy_of(&own_bytes, 1, at::kLong);
  control.broadcast(length, root)->wait();
  const std::int64_t bytes = *length.const_data_ptr<std::int64_t>();
  require_short(bytes);
  text.resize(static_cast<std::size_t>(bytes));
  if (bytes == 0) return text;
  const at::Tensor content = copy_of(text.data(), text.size(), at::kByte);
  control.broadcast(content, root)->wait();
  std::memcpy(text.data(), content.const_data_ptr(), text.size());
  return text;
}

std::vector<std::string> all_gather(Communicator& control, const std::string& text) {
  const std::vector<std::int64_t> lengths = all_gather(control, static_cast<std::int64_t>(text.size()));
  const std::int64_t longest = *std::ranges::max_element(lengths);
  require_short(longest);
  std::vector<std::string> texts(lengths.size());
  if (longest == 0) return texts;
  const at::Tensor own = at::empty({longest}, at::kByte);
  std::memset(own.data_ptr(), 0, static_cast<std::size_t>(longest));
  std::memcpy(own.data_ptr(), text.data(), text.size());
  const at::Tensor all = at::empty({control.size() * longest}, at::kByte);
  control.all_gather(all, own)->wait();
  const auto* data = static_cast<const char*>(all.const_data_ptr());
  for (std::size_t rank = 0; rank < texts.size(); ++rank)
    texts[rank].assign(data + static_cast<std::int64_t>(rank) * longest, static_cast<std::size_t>(lengths[rank]));
  return texts;
}

}  // namespace trainyard::comm
