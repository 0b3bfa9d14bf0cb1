#include "models/flops.h"

#include <gtest/gtest.h>

#include "models/resnet.h"
#include "models/roberta.h"

namespace trainyard::models {
namespace {

/// Multiply-adds of a forward pass, from those of a training step: the stem's input alone needs no gradient.
double forward_multiply_adds(config::Model name, double stem) {
  const ImageShape images{3, 224, 224};
  const auto flops = static_cast<double>(training_flops(*build(name, images, 1000, 0), images));
  return (flops / 2 + stem) / 3;
}

// Billions, of torchvision 0.26's weights (their metadata, _ops): 1.814, 3.664, 4.089.
TEST(TrainingFlops, AreTorchvisionsForAResnet) {
  constexpr double kStem = 64.0 * 112 * 112 * 3 * 7 * 7;
  EXPECT_NEAR(forward_multiply_adds(config::Model::kResnet18, kStem), 1.814e9, 0.0005e9);
  EXPECT_NEAR(forward_multiply_adds(config::Model::kResnet34, kStem), 3.664e9, 0.0005e9);
  EXPECT_NEAR(forward_multiply_adds(config::Model::kResnet50, kStem), 4.089e9, 0.0005e9);
}

TEST(TrainingFlops, OfARobertaGrowWithItsTextAndWithTheSquareOfIt) {
  RobertaConfig config;
  config.vocab_size = 40;
  config.hidden_size = 16;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 4;
  config.intermediate_size = 24;
  config.max_position_embeddings = 40;
  const auto model = build_roberta(config, {.kind = RobertaHead::Kind::kClassifier, .classes = 2}, 32, 0);
  for (const std::int64_t length : {1, 7, 32}) {
    const std::int64_t linear = 4 * 16 * 16 + 2 * 16 * 24;  // of a token: query, key, value, output; the two after
    const std::int64_t attention = 2 * 16 * length;
    const std::int64_t head = 16 * 16 + 16 * 2;
    EXPECT_EQ(training_flops(*model, TokenShape{length, 40, 1}), 6 * (3 * length * (linear + attention) + head));
  }
}

TEST(TrainingFlops, LeaveTheModelAsItWas) {
  const auto model = build(config::Model::kResnet20, {}, 10, 0);
  const std::int64_t first = training_flops(*model, ImageShape{});
  EXPECT_EQ(training_flops(*model, ImageShape{}), first);
  for (const NamedTensor& buffer : model->buffers()) {
    if (!buffer.name.ends_with("num_batches_tracked")) continue;
    EXPECT_EQ(buffer.tensor.item<std::int64_t>(), 0) << buffer.name;
  }
  for (const Parameter& parameter : model->parameters())
    EXPECT_FALSE(parameter.tensor.grad().defined()) << parameter.name;
}

}  // namespace
}  // namespace trainyard::models
