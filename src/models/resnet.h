#pragma once

#include <cstdint>
#include <memory>

#include "config/run_config.h"
#include "models/model.h"

namespace trainyard::models {

/// Up to this image side (pixels) the stem is a 3x3 convolution of stride 1 without max-pooling, as is usual for CIFAR;
/// above it the 7x7, stride 2 convolution and 3x3 max-pooling of He et al. 2015 (arXiv:1512.03385, table 1).
constexpr std::int64_t kLargestSmallImage = 64;

/// A ResNet. Stages: stem, one a residual block, head.
///
/// ResNet-18, 34 or 50 with torchvision's architecture (v1.5: stride in the 3x3 convolution of a bottleneck), parameter
/// names and initial distributions.
///
/// ResNet-20, 32, 44, 56 or 110: the CIFAR family (He et al. 2015, section 4.2), 16 to 64 channels, shortcuts without
/// parameters (option A), the last layer named `linear`, as in the usual PyTorch models of that family.
std::unique_ptr<Model> build_resnet(config::Model model, ImageShape images, std::int64_t classes, std::uint64_t seed);

}  // namespace trainyard::models
