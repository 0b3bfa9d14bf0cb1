#include "data/datasets.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "core/error.h"
#include "data/cifar10.h"
#include "data/digits.h"
#include "data/synthetic.h"

namespace trainyard::data {
namespace {

constexpr std::int64_t kSyntheticSize = 32;

/// Refuses to pretend that images have another size than they have.
void check_image_size(const config::RunConfig& config, const Dataset& dataset) {
  if (config.image_size != 0 && config.image_size != dataset.shape().width) {
    throw core::UsageError(fmt::format("image-size = {}: the images of {} have {} pixels a side; leave image-size out",
                                       config.image_size, dataset.name(), dataset.shape().width));
  }
}

Datasets open_digits() {
  return {.train = std::make_shared<Digits>(Digits::Part::kTrain),
          .validation = std::make_shared<Digits>(Digits::Part::kValidation)};
}

Datasets open_cifar10(const config::RunConfig& config) {
  std::string folder = config.data_dir;
  std::string source = "data-dir";
  if (folder.empty()) {
    if (const char* variable = std::getenv("TRAINYARD_DATA"); variable != nullptr) folder = variable;
    source = "TRAINYARD_DATA";
  }
  if (folder.empty()) {
    throw core::UsageError(
        "data = cifar10: neither data-dir nor TRAINYARD_DATA is set; set one to the folder of the CIFAR-10 files");
  }
  const Cifar10Files files = find_cifar10(folder, source);
  return {.train = std::make_shared<Cifar10>(files.train), .validation = std::make_shared<Cifar10>(files.validation)};
}

Datasets open_synthetic(const config::RunConfig& config) {
  SyntheticOptions options{.image_size = config.image_size != 0 ? config.image_size : kSyntheticSize,
                           .first = 0,
                           .samples = config.samples,
                           .seed = config.seed};
  auto train = std::make_shared<Synthetic>(options);
  options.first = config.samples;
  options.samples = (config.samples + 9) / 10;
  return {.train = std::move(train), .validation = std::make_shared<Synthetic>(options)};
}

}  // namespace

Datasets open(const config::RunConfig& config) {
  Datasets datasets;
  switch (config.data) {
    case config::Data::kDigits:
      datasets = open_digits();
      break;
    case config::Data::kCifar10:
      datasets = open_cifar10(config);
      break;
    case config::Data::kSynthetic:
      datasets = open_synthetic(config);
      break;
  }
  check_image_size(config, *datasets.train);
  return datasets;
}

std::optional<Normalisation> normalisation_instead(const config::RunConfig& config) {
  if (config.normalisation == config::NormalisationKind::kOwn) return std::nullopt;
  // Of ImageNet's training images: https://docs.pytorch.org/vision/stable/models.html
  return Normalisation{.pixel_max = 255.0, .mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}};
}

}  // namespace trainyard::data
