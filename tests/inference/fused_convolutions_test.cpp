#include "inference/fused_convolutions.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "inference/module_file.h"
#include "inference/networks.h"
#include "inference/trace.h"
#include "support/temporary_folder.h"

namespace trainyard::inference {
namespace {

using models::Conv2d;
using models::Pass;
using test::operations;

torch::jit::Module fused(const models::Model& model, const at::Tensor& example) {
  torch::jit::Module module = traced_and_frozen(model, example);
  fuse_convolutions(module);
  return module;
}

/// Often, since TorchScript optimises after it has seen a few batches.
void expect_the_models_answers(const models::Model& model, torch::jit::Module module, const at::Tensor& images) {
  const c10::InferenceMode inference;
  const at::Tensor expected = model.forward(images, Pass::kEvaluate);
  const at::Tensor kept = images.clone();
  for (int turn = 0; turn < 4; ++turn) {
    const at::Tensor given = module.forward({images}).toTensor();
    EXPECT_TRUE(at::allclose(given, expected, 1e-3, 1e-4 * expected.abs().max().item<double>())) << images.sizes();
    EXPECT_TRUE(at::equal(images, kept)) << "a sum in place must not reach the input";
  }
}

TEST(FusedConvolutions, TakeInEverySumAndReluOfAResnet) {
  const auto counts = operations(fused(*test::small_resnet(), at::randn({1, 3, 32, 32})));
  EXPECT_EQ(counts.at("mkldnn::_convolution_pointwise"), 12) << "stem, first of each block, projections";
  EXPECT_EQ(counts.at("mkldnn::_convolution_pointwise_"), 8) << "with the residual";
  for (const char* kind : {"aten::_convolution", "aten::conv2d", "aten::relu", "aten::add"})
    EXPECT_FALSE(counts.contains(kind)) << kind;
}

TEST(FusedConvolutions, TakeInTheSameOfAModuleThatWasStored) {
  const testing::TemporaryFolder folder;
  const at::Tensor example = at::randn({1, 3, 32, 32});
  save_module(traced_and_frozen(*test::small_resnet(), example), folder / "model.pt");
  torch::jit::Module module = load_module(folder / "model.pt", at::kCPU);
  fuse_convolutions(module);
  const auto counts = operations(module);
  EXPECT_EQ(counts.at("mkldnn::_convolution_pointwise"), 12);
  EXPECT_EQ(counts.at("mkldnn::_convolution_pointwise_"), 8);
}

TEST(FusedConvolutions, GiveTheModelsAnswersAtEveryBatchSizeAndLayout) {
  for (const config::Model kind : {config::Model::kResnet18, config::Model::kResnet50, config::Model::kResnet20}) {
    const auto model = test::small_resnet(kind);
    const auto module = fused(*model, at::randn({1, 3, 32, 32}));
    for (const std::int64_t size : {1, 4, 7}) {
      const at::Tensor images = at::randn({size, 3, 32, 32});
      expect_the_models_answers(*model, module, images);
      expect_the_models_answers(*model, module, images.contiguous(at::MemoryFormat::ChannelsLast));
    }
  }
}

TEST(FusedConvolutions, LeaveAResidualThatIsReadAgainAsItIs) {
  const auto model = test::FreeModel::make([](const at::Tensor& x, const Conv2d& first, const Conv2d& second) {
    const at::Tensor residual = first.forward(x).relu();
    const at::Tensor sum = second.forward(first.forward(residual).relu()).add(residual).relu();
    return sum.add(residual);
  });
  const at::Tensor images = at::randn({2, 8, 6, 6});
  expect_the_models_answers(*model, fused(*model, images), images);
}

TEST(FusedConvolutions, LeaveAModelWithoutConvolutionsAsItIs) {
  const auto model = test::small_roberta();
  const at::Tensor tokens = test::token_batch(2, 8);
  EXPECT_EQ(operations(fused(*model, tokens)), operations(traced_and_frozen(*model, tokens)));
}

}  // namespace
}  // namespace trainyard::inference
