#include "models/flops.h"

#include <c10/core/GradMode.h>

namespace trainyard::models {
namespace {

struct Counting {
  at::Tensor model_input;
  std::int64_t flops = 0;
};

thread_local Counting* counting = nullptr;  ///< this thread's; null: nobody counts

/// Counts into `where` while it lives.
class Scope {
 public:
  explicit Scope(Counting& where) { counting = &where; }
  ~Scope() { counting = nullptr; }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
};

}  // namespace

std::int64_t training_flops(const Model& model, const InputShape& sample) {
  const c10::NoGradGuard without_graph;  // which would hold every activation
  Counting counted{random_input(sample, 1)};
  const Scope scope(counted);
  static_cast<void>(model.forward(counted.model_input, Pass::kEvaluate));
  return counted.flops;
}

void count_product(const at::Tensor& input, std::int64_t multiply_adds) {
  if (counting == nullptr) return;
  const std::int64_t products = input.is_same(counting->model_input) ? 2 : 3;  // forward, one or two gradients
  counting->flops += products * 2 * multiply_adds;
}

}  // namespace trainyard::models
