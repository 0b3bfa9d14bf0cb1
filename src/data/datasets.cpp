#include "data/datasets.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "config/enum_names.h"
#include "core/error.h"
#include "data/cifar10.h"
#include "data/data_folder.h"
#include "data/digits.h"
#include "data/packed_images.h"
#include "data/resized.h"
#include "data/svhn.h"
#include "data/synthetic.h"
#include "data/text_datasets.h"
#include "data/tiny_imagenet.h"

namespace trainyard::data {
namespace {

constexpr std::int64_t kSyntheticSize = 32;

/// Refuses to pretend that images have another size than they have.
void check_image_size(const config::RunConfig& config, const ImageDataset& dataset) {
  if (config.image_size != 0 && config.image_size != dataset.shape().width) {
    throw core::UsageError(fmt::format("image-size = {}: the images of {} have {} pixels a side; leave image-size out",
                                       config.image_size, dataset.name(), dataset.shape().width));
  }
}

ImageDatasets open_digits() {
  return {.train = std::make_shared<Digits>(Digits::Part::kTrain),
          .validation = std::make_shared<Digits>(Digits::Part::kValidation)};
}

ImageDatasets open_cifar10(const DataFolder& folder) {
  const Cifar10Files files = find_cifar10(folder.path, folder.source);
  return {.train = std::make_shared<Cifar10>(files.train), .validation = std::make_shared<Cifar10>(files.validation)};
}

ImageDatasets open_svhn(const DataFolder& folder) {
  const SvhnFiles files = find_svhn(folder.path, folder.source);
  return {.train = std::make_shared<Svhn>(files.train), .validation = std::make_shared<Svhn>(files.validation)};
}

ImageDatasets open_tiny_imagenet(const DataFolder& folder) {
  TinyImageNetFiles files = find_tiny_imagenet(folder.path, folder.source);
  return {.train = std::make_shared<TinyImageNet>(files.classes, std::move(files.train)),
          .validation = std::make_shared<TinyImageNet>(files.classes, std::move(files.validation))};
}

/// At the size that `image-size` asks for.
ImageDatasets resized(const config::RunConfig& config, ImageDatasets original) {
  if (config.image_size == 0 || config.image_size == original.train->shape().width) return original;
  return {.train = std::make_shared<Resized>(original.train, config.image_size),
          .validation = std::make_shared<Resized>(original.validation, config.image_size)};
}

ImageDatasets open_synthetic(const config::RunConfig& config) {
  SyntheticOptions options{.image_size = config.image_size != 0 ? config.image_size : kSyntheticSize,
                           .first = 0,
                           .samples = config.samples,
                           .seed = config.seed};
  auto train = std::make_shared<Synthetic>(options);
  options.first = config.samples;
  options.samples = validation_samples(config);
  return {.train = std::move(train), .validation = std::make_shared<Synthetic>(options)};
}

ImageDatasets open_originals(const config::RunConfig& config) {
  switch (config.data) {
    case config::Data::kDigits:
      return open_digits();
    case config::Data::kCifar10:
      return open_cifar10(data_folder(config));
    case config::Data::kSvhn:
      return open_svhn(data_folder(config));
    case config::Data::kTinyImageNet:
      return open_tiny_imagenet(data_folder(config));
    case config::Data::kSynthetic:
      return open_synthetic(config);
    case config::Data::kSst2:
    case config::Data::kAgNews:
      break;
  }
  throw core::UsageError(fmt::format("data = {} has no images", config::name_of(config.data)));
}

}  // namespace

std::optional<std::string> packed_file(const config::RunConfig& config) {
  const auto folder = given_data_folder(config);
  std::error_code error;
  if (!folder || !std::filesystem::is_regular_file(folder->path, error)) return std::nullopt;
  return folder->path.string();
}

std::int64_t validation_samples(const config::RunConfig& config) {
  return (config.samples + 9) / 10;
}

std::shared_ptr<const std::vector<std::int32_t>> lengths_of(const Dataset& dataset) {
  const auto* tokens = dynamic_cast<const TokenDataset*>(&dataset);
  if (tokens == nullptr) return nullptr;
  auto lengths = std::make_shared<std::vector<std::int32_t>>();
  for (std::int64_t i = 0; i < dataset.size(); ++i)
    lengths->push_back(static_cast<std::int32_t>(tokens->length(i)));
  return lengths;
}

ImageDatasets open_images(const config::RunConfig& config) {
  const auto packed = packed_file(config);
  ImageDatasets datasets =
      packed ? open_packed_images(PackedFile(*packed, config::name_of(config.data))) : open_originals(config);
  if (config.data == config::Data::kTinyImageNet) datasets = resized(config, std::move(datasets));
  check_image_size(config, *datasets.train);
  return datasets;
}

Datasets open(const config::RunConfig& config) {
  if (config::reads_text(config.model)) return open_text(config);
  const ImageDatasets images = open_images(config);
  return {.train = images.train, .validation = images.validation};
}

LoaderOptions loader_options(const config::RunConfig& config, bool pin_memory) {
  return {.workers = config.workers,
          .seed = config.seed,
          .channels_last = config.memory_format == config::MemoryFormat::kChannelsLast,
          .pin_memory = pin_memory,
          .normalisation = normalisation_instead(config)};
}

std::optional<Normalisation> normalisation_instead(const config::RunConfig& config) {
  if (config.normalisation == config::NormalisationKind::kOwn) return std::nullopt;
  // Of ImageNet's training images: https://docs.pytorch.org/vision/stable/models.html
  return Normalisation{.pixel_max = 255.0, .mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}};
}

}  // namespace trainyard::data
