#include "models/resnet.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/max_pool2d.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "models/half_rounding.h"
#include "models/layers.h"

namespace trainyard::models {
namespace {

class Stem final : public Stage {
 public:
  Stem(Builder& builder, std::int64_t channels, std::int64_t planes, bool small_images)
      : conv_(builder, "conv1", channels, planes, small_images ? 3 : 7, small_images ? 1 : 2, small_images ? 1 : 3),
        norm_(builder, "bn1", planes),
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

struct BlockShape {
  std::string name;
  std::int64_t in;      ///< channels that enter
  std::int64_t planes;  ///< channels of the 3x3 convolutions
  std::int64_t stride;
};

/// How a residual path follows a change of shape (He et al. 2015, section 3.3).
enum class ShortcutKind {
  kPadding,     ///< option A: every stride-th pixel, zeros for the new channels, no parameters
  kProjection,  ///< option B: 1x1 convolution and batch norm
};

/// The residual path of a block; where its shape stays, the input itself.
template <ShortcutKind kKind>
class Shortcut;

template <>
class Shortcut<ShortcutKind::kProjection> {
 public:
  Shortcut(Builder& builder, const BlockShape& shape, std::int64_t out) {
    if (shape.stride == 1 && shape.in == out) return;
    conv_.emplace(builder, shape.name + ".downsample.0", shape.in, out, 1, shape.stride, 0);
    norm_.emplace(builder, shape.name + ".downsample.1", out);
  }

  at::Tensor forward(const at::Tensor& input, Pass pass) const {
    return conv_ ? norm_->forward(conv_->forward(input), pass) : input;
  }

 private:
  std::optional<Conv2d> conv_;
  std::optional<BatchNorm2d> norm_;
};

template <>
class Shortcut<ShortcutKind::kPadding> {
 public:
  Shortcut(Builder& /*builder*/, const BlockShape& shape, std::int64_t out)
      : stride_(shape.stride), front_((out - shape.in) / 2), back_(out - shape.in - front_) {}

  at::Tensor forward(const at::Tensor& input, Pass /*pass*/) const {
    if (stride_ == 1 && front_ + back_ == 0) return input;
    const at::Tensor pixels = input.slice(2, 0, std::nullopt, stride_).slice(3, 0, std::nullopt, stride_);
    return at::constant_pad_nd(pixels, {0, 0, 0, 0, front_, back_});
  }

 private:
  std::int64_t stride_;
  std::int64_t front_;
  std::int64_t back_;
};

template <ShortcutKind kShortcut>
class BasicBlock final : public Stage {
 public:
  static constexpr std::int64_t kExpansion = 1;

  BasicBlock(Builder& builder, const BlockShape& shape)
      : conv1_(builder, shape.name + ".conv1", shape.in, shape.planes, 3, shape.stride, 1),
        norm1_(builder, shape.name + ".bn1", shape.planes),
        conv2_(builder, shape.name + ".conv2", shape.planes, shape.planes, 3, 1, 1),
        norm2_(builder, shape.name + ".bn2", shape.planes),
        shortcut_(builder, shape, shape.planes) {}

  at::Tensor forward(const at::Tensor& input, Pass pass) override {
    const at::Tensor hidden = norm1_.forward_relu(conv1_.forward(input), pass);
    const at::Tensor residual = shortcut_.forward(input, pass);
    return norm2_.forward_add_relu(conv2_.forward(hidden), residual, pass);
  }

 private:
  Conv2d conv1_;
  BatchNorm2d norm1_;
  Conv2d conv2_;
  BatchNorm2d norm2_;
  Shortcut<kShortcut> shortcut_;
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
        norm3_(builder, shape.name + ".bn3", shape.planes * kExpansion),
        shortcut_(builder, shape, shape.planes * kExpansion) {}

  at::Tensor forward(const at::Tensor& input, Pass pass) override {
    at::Tensor hidden = norm1_.forward_relu(conv1_.forward(input), pass);
    hidden = norm2_.forward_relu(conv2_.forward(hidden), pass);
    const at::Tensor residual = shortcut_.forward(input, pass);
    return norm3_.forward_add_relu(conv3_.forward(hidden), residual, pass);
  }

 private:
  Conv2d conv1_;
  BatchNorm2d norm1_;
  Conv2d conv2_;
  BatchNorm2d norm2_;
  Conv2d conv3_;
  BatchNorm2d norm3_;
  Shortcut<ShortcutKind::kProjection> shortcut_;
};

class Head final : public Stage {
 public:
  Head(Builder& builder, const std::string& name, std::int64_t features, std::int64_t classes)
      : linear_(builder, name, features, classes) {}

  at::Tensor forward(const at::Tensor& input, Pass /*pass*/) override {
    const at::Tensor pooled = round_as(at::adaptive_avg_pool2d(widen(input), {1, 1}), input);
    return linear_.forward(pooled.flatten(1));
  }

 private:
  Linear linear_;
};

struct Architecture {
  std::int64_t planes = 64;  ///< of the stem and the first layer; each layer doubles them
  std::vector<int> blocks;   ///< a layer
  bool small_images = false;
  std::string head = "fc";
};

template <typename Block>
StageList build_stages(Builder& builder, const Architecture& architecture, std::int64_t channels,
                       std::int64_t classes) {
  StageList stages(builder.registry);
  stages.begin_group("stem");
  stages.add<Stem>("stem", builder, channels, architecture.planes, architecture.small_images);
  std::int64_t in = architecture.planes;
  for (std::size_t layer = 0; layer < architecture.blocks.size(); ++layer) {
    const std::int64_t planes = architecture.planes << layer;
    const std::string group = "layer" + std::to_string(layer + 1);
    stages.begin_group(group);
    for (int block = 0; block < architecture.blocks[layer]; ++block) {
      const std::string name = group + "." + std::to_string(block);
      stages.add<Block>(name, builder, BlockShape{name, in, planes, layer > 0 && block == 0 ? 2LL : 1LL});
      in = planes * Block::kExpansion;
    }
  }
  stages.begin_group("head");
  stages.add<Head>("head", builder, architecture.head, in, classes);
  return stages;
}

/// Three layers of n basic blocks each: 6n + 2 layers with weights (He et al. 2015, section 4.2).
Architecture cifar_family(int n) {
  return {.planes = 16, .blocks = {n, n, n}, .small_images = true, .head = "linear"};
}

StageList build_stages(config::Model model, Builder& builder, ImageShape images, std::int64_t classes) {
  using Projecting = BasicBlock<ShortcutKind::kProjection>;
  using Padding = BasicBlock<ShortcutKind::kPadding>;
  const bool small_images = images.height <= kLargestSmallImage && images.width <= kLargestSmallImage;
  const auto standard = [&](std::vector<int> blocks) {
    return Architecture{.blocks = std::move(blocks), .small_images = small_images};
  };
  switch (model) {
    case config::Model::kResnet18:
      return build_stages<Projecting>(builder, standard({2, 2, 2, 2}), images.channels, classes);
    case config::Model::kResnet34:
      return build_stages<Projecting>(builder, standard({3, 4, 6, 3}), images.channels, classes);
    case config::Model::kResnet50:
      return build_stages<Bottleneck>(builder, standard({3, 4, 6, 3}), images.channels, classes);
    case config::Model::kResnet20:
      return build_stages<Padding>(builder, cifar_family(3), images.channels, classes);
    case config::Model::kResnet32:
      return build_stages<Padding>(builder, cifar_family(5), images.channels, classes);
    case config::Model::kResnet44:
      return build_stages<Padding>(builder, cifar_family(7), images.channels, classes);
    case config::Model::kResnet56:
      return build_stages<Padding>(builder, cifar_family(9), images.channels, classes);
    case config::Model::kResnet110:
      return build_stages<Padding>(builder, cifar_family(18), images.channels, classes);
    case config::Model::kRobertaTiny:
    case config::Model::kRobertaBase:
    case config::Model::kRobertaLarge:
      break;
  }
  throw core::Error("model: not a ResNet");
}

}  // namespace

std::unique_ptr<Model> build_resnet(config::Model model, ImageShape images, std::int64_t classes, std::uint64_t seed) {
  TensorRegistry registry;
  Builder builder{registry, at::detail::createCPUGenerator(seed)};
  std::vector<StageEntry> entries = build_stages(model, builder, images, classes).take();
  return std::make_unique<Model>(std::move(registry), std::move(entries),
                                 ModelOrigin{images, [=] { return build_resnet(model, images, classes, seed); }});
}

}  // namespace trainyard::models
