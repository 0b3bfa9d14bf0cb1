#include "models/resnet.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/max_pool2d.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "models/half_rounding.h"
#include "models/layers.h"

namespace trainyard::models {
namespace {

class Stem final : public Stage {
 public:
  Stem(Builder& builder, std::int64_t channels, bool small_images)
      : conv_(builder, "conv1", channels, 64, small_images ? 3 : 7, small_images ? 1 : 2, small_images ? 1 : 3),
        norm_(builder, "bn1", 64),
        pool_(!small_images) {}

  at::Tensor forward(const at::Tensor& images, Pass pass) override {
    const at::Tensor activation = norm_.forward_relu(conv_.forward(images), pass);
    return pool_ ? at::max_pool2d(activation, {3, 3}, {2, 2}, {1, 1}) : activation;
  }

 private:
  Conv2d conv_;
  BatchNorm2d norm_;
  bool pool_;
};

/// The projection of a residual path whose shape changes: 1x1 convolution and batch norm.
class Downsample {
 public:
  Downsample(Builder& builder, const std::string& name, std::int64_t in, std::int64_t out, std::int64_t stride)
      : conv_(builder, name + ".0", in, out, 1, stride, 0), norm_(builder, name + ".1", out) {}

  at::Tensor forward(const at::Tensor& input, Pass pass) const { return norm_.forward(conv_.forward(input), pass); }

 private:
  Conv2d conv_;
  BatchNorm2d norm_;
};

struct BlockShape {
  std::string name;
  std::int64_t in;      ///< channels that enter
  std::int64_t planes;  ///< channels of the 3x3 convolutions
  std::int64_t stride;
};

class BasicBlock final : public Stage {
 public:
  static constexpr std::int64_t kExpansion = 1;

  BasicBlock(Builder& builder, const BlockShape& shape)
      : conv1_(builder, shape.name + ".conv1", shape.in, shape.planes, 3, shape.stride, 1),
        norm1_(builder, shape.name + ".bn1", shape.planes),
        conv2_(builder, shape.name + ".conv2", shape.planes, shape.planes, 3, 1, 1),
        norm2_(builder, shape.name + ".bn2", shape.planes) {
    if (shape.stride != 1 || shape.in != shape.planes) {
      downsample_.emplace(builder, shape.name + ".downsample", shape.in, shape.planes, shape.stride);
    }
  }

  at::Tensor forward(const at::Tensor& input, Pass pass) override {
    const at::Tensor hidden = norm1_.forward_relu(conv1_.forward(input), pass);
    const at::Tensor residual = downsample_ ? downsample_->forward(input, pass) : input;
    return norm2_.forward_add_relu(conv2_.forward(hidden), residual, pass);
  }

 private:
  Conv2d conv1_;
  BatchNorm2d norm1_;
  Conv2d conv2_;
  BatchNorm2d norm2_;
  std::optional<Downsample> downsample_;
};

class Bottleneck final : public Stage {
 public:
  static constexpr std::int64_t kExpansion = 4;

  Bottleneck(Builder& builder, const BlockShape& shape)
      : conv1_(builder, shape.name + ".conv1", shape.in, shape.planes, 1, 1, 0),
        norm1_(builder, shape.name + ".bn1", shape.planes),
        conv2_(builder, shape.name + ".conv2", shape.planes, shape.planes, 3, shape.stride, 1),
        norm2_(builder, shape.name + ".bn2", shape.planes),
        conv3_(builder, shape.name + ".conv3", shape.planes, shape.planes * kExpansion, 1, 1, 0),
        norm3_(builder, shape.name + ".bn3", shape.planes * kExpansion) {
    if (shape.stride != 1 || shape.in != shape.planes * kExpansion) {
      downsample_.emplace(builder, shape.name + ".downsample", shape.in, shape.planes * kExpansion, shape.stride);
    }
  }

  at::Tensor forward(const at::Tensor& input, Pass pass) override {
    at::Tensor hidden = norm1_.forward_relu(conv1_.forward(input), pass);
    hidden = norm2_.forward_relu(conv2_.forward(hidden), pass);
    const at::Tensor residual = downsample_ ? downsample_->forward(input, pass) : input;
    return norm3_.forward_add_relu(conv3_.forward(hidden), residual, pass);
  }

 private:
  Conv2d conv1_;
  BatchNorm2d norm1_;
  Conv2d conv2_;
  BatchNorm2d norm2_;
  Conv2d conv3_;
  BatchNorm2d norm3_;
  std::optional<Downsample> downsample_;
};

class Head final : public Stage {
 public:
  Head(Builder& builder, std::int64_t features, std::int64_t classes) : linear_(builder, "fc", features, classes) {}

  at::Tensor forward(const at::Tensor& input, Pass /*pass*/) override {
    const at::Tensor pooled = round_as(at::adaptive_avg_pool2d(widen(input), {1, 1}), input);
    return linear_.forward(pooled.flatten(1));
  }

 private:
  Linear linear_;
};

template <typename Block>
StageList build_stages(Builder& builder, const std::array<int, 4>& blocks, ImageShape images, std::int64_t classes) {
  StageList stages(builder.registry);
  const bool small_images = images.height <= kLargestSmallImage && images.width <= kLargestSmallImage;
  stages.add<Stem>("stem", builder, images.channels, small_images);
  std::int64_t in = 64;
  for (std::size_t layer = 0; layer < blocks.size(); ++layer) {
    const std::int64_t planes = 64LL << layer;
    for (int block = 0; block < blocks[layer]; ++block) {
      const std::string name = "layer" + std::to_string(layer + 1) + "." + std::to_string(block);
      stages.add<Block>(name, builder, BlockShape{name, in, planes, layer > 0 && block == 0 ? 2LL : 1LL});
      in = planes * Block::kExpansion;
    }
  }
  stages.add<Head>("head", builder, in, classes);
  return stages;
}

}  // namespace

std::unique_ptr<Model> build_resnet(config::Model model, ImageShape images, std::int64_t classes, std::uint64_t seed) {
  TensorRegistry registry;
  Builder builder{registry, at::detail::createCPUGenerator(seed)};
  const auto stages = [&] {
    switch (model) {
      case config::Model::kResnet18:
        return build_stages<BasicBlock>(builder, {2, 2, 2, 2}, images, classes);
      case config::Model::kResnet34:
        return build_stages<BasicBlock>(builder, {3, 4, 6, 3}, images, classes);
      case config::Model::kResnet50:
        return build_stages<Bottleneck>(builder, {3, 4, 6, 3}, images, classes);
    }
    throw core::Error("model: not a ResNet");
  };
  std::vector<StageEntry> entries = stages().take();
  return std::make_unique<Model>(std::move(registry), std::move(entries),
                                 ModelOrigin{images, [=] { return build_resnet(model, images, classes, seed); }});
}

}  // namespace trainyard::models
