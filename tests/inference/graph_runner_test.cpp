#include "inference/graph_runner.h"

#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "inference/networks.h"
#include "inference/trace.h"

namespace trainyard::inference {
namespace {

using models::Pass;

TEST(GraphRunner, AnswersAsTheModelDoesAtEveryBatchSize) {
  const auto model = test::small_resnet();
  const at::Tensor example = at::randn({2, 3, 32, 32});
  GraphRunner runner(traced_and_frozen(*model, example));
  for (const std::int64_t size : {2, 1, 5}) {
    const at::Tensor images = at::randn({size, 3, 32, 32});
    const at::Tensor expected = model->forward(images, Pass::kEvaluate);
    const double difference = runner.run(images).sub(expected).abs().max().item<double>();
    EXPECT_LT(difference, 1e-4 * expected.abs().max().item<double>()) << size;
  }
}

TEST(GraphRunner, FreezingFoldsBatchNormsAndKeepsTheModel) {
  const auto model = test::small_resnet();
  const at::Tensor before = model->parameters().front().tensor.clone();
  const auto module = traced_and_frozen(*model, at::randn({2, 3, 32, 32}));
  std::set<std::string> kinds;
  for (const torch::jit::Node* node : module.get_method("forward").graph()->nodes())
    kinds.insert(node->kind().toQualString());
  EXPECT_FALSE(kinds.contains("aten::batch_norm"));
  EXPECT_FALSE(kinds.contains("prim::GetAttr"));
  EXPECT_TRUE(at::equal(model->parameters().front().tensor, before));
}

TEST(GraphRunner, ShowsEachTensorOnceTheInputFirst) {
  const auto model = test::FreeModel::make([](const at::Tensor& x, const auto& first, const auto&) {
    const at::Tensor y = first.forward(x);
    return at::cat({y, y.relu()}, 1);
  });
  const at::Tensor example = at::randn({1, 8, 6, 6});
  GraphRunner runner(traced_and_frozen(*model, example));
  std::vector<std::vector<std::int64_t>> shapes;
  const at::Tensor answer = runner.run(
      example, [&](const torch::jit::Value&, const at::Tensor& tensor) { shapes.push_back(tensor.sizes().vec()); });
  EXPECT_EQ(answer.sizes(), at::IntArrayRef({1, 16, 6, 6}));
  EXPECT_EQ(shapes, (std::vector<std::vector<std::int64_t>>{{1, 8, 6, 6}, {1, 8, 6, 6}, {1, 8, 6, 6}, {1, 16, 6, 6}}));
}

TEST(GraphRunner, LetsAValueGoAtItsLastUse) {
  const auto model = test::FreeModel::make([](const at::Tensor& x, const auto& first, const auto& second) {
    return at::add(second.forward(first.forward(x)), x);
  });
  const at::Tensor example = at::randn({1, 8, 6, 6});
  GraphRunner runner(traced_and_frozen(*model, example));
  c10::weak_intrusive_ptr<c10::TensorImpl> first_result{c10::intrusive_ptr<c10::TensorImpl>()};
  int seen = 0;
  runner.run(example, [&](const torch::jit::Value&, const at::Tensor& tensor) {
    ++seen;
    if (seen == 2) first_result = c10::weak_intrusive_ptr<c10::TensorImpl>(tensor.getIntrusivePtr());
    EXPECT_TRUE(seen < 4 || first_result.expired());
  });
  EXPECT_EQ(seen, 4);
}

TEST(GraphRunner, ControlFlowIsRefused) {
  torch::jit::Module module("m");
  module.define(R"(
    def forward(self, x):
        if bool(x.sum() > 0):
            x = x + 1
        return x
  )");
  EXPECT_THROW(GraphRunner{module}, core::Error);
}

}  // namespace
}  // namespace trainyard::inference
