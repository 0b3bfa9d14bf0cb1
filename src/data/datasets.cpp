#include "data/datasets.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "config/enum_names.h"
#include "core/error.h"
#include "data/cifar10.h"
#include "data/digits.h"
#include "data/packed_images.h"
#include "data/resized.h"
#include "data/svhn.h"
#include "data/synthetic.h"
#include "data/tiny_imagenet.h"

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

/// Where the files are, and the key or variable that says so.
struct Place {
  std::string path;
  std::string source;
};

std::optional<Place> given_place(const config::RunConfig& config) {
  if (!config.data_dir.empty()) return Place{.path = config.data_dir, .source = "data-dir"};
  if (config.data == config::Data::kDigits || config.data == config::Data::kSynthetic) return std::nullopt;
  const char* variable = std::getenv("TRAINYARD_DATA");
  if (variable == nullptr || *variable == '\0') return std::nullopt;
  return Place{.path = variable, .source = "TRAINYARD_DATA"};
}

Place place_of(const config::RunConfig& config) {
  if (auto place = given_place(config)) return *std::move(place);
  throw core::UsageError(
      fmt::format("data = {}: neither data-dir nor TRAINYARD_DATA is set; set one to the folder of its files",
                  config::name_of(config.data)));
}

Datasets open_cifar10(const Place& place) {
  const Cifar10Files files = find_cifar10(place.path, place.source);
  return {.train = std::make_shared<Cifar10>(files.train), .validation = std::make_shared<Cifar10>(files.validation)};
}

Datasets open_svhn(const Place& place) {
  const SvhnFiles files = find_svhn(place.path, place.source);
  return {.train = std::make_shared<Svhn>(files.train), .validation = std::make_shared<Svhn>(files.validation)};
}

Datasets open_tiny_imagenet(const Place& place) {
  TinyImageNetFiles files = find_tiny_imagenet(place.path, place.source);
  return {.train = std::make_shared<TinyImageNet>(files.classes, std::move(files.train)),
          .validation = std::make_shared<TinyImageNet>(files.classes, std::move(files.validation))};
}

/// At the size that `image-size` asks for.
Datasets resized(const config::RunConfig& config, Datasets original) {
  if (config.image_size == 0 || config.image_size == original.train->shape().width) return original;
  return {.train = std::make_shared<Resized>(original.train, config.image_size),
          .validation = std::make_shared<Resized>(original.validation, config.image_size)};
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

Datasets open_originals(const config::RunConfig& config) {
  switch (config.data) {
    case config::Data::kDigits:
      return open_digits();
    case config::Data::kCifar10:
      return open_cifar10(place_of(config));
    case config::Data::kSvhn:
      return open_svhn(place_of(config));
    case config::Data::kTinyImageNet:
      return open_tiny_imagenet(place_of(config));
    case config::Data::kSynthetic:
      return open_synthetic(config);
  }
  return {};
}

}  // namespace

std::optional<std::string> packed_file(const config::RunConfig& config) {
  const auto place = given_place(config);
  std::error_code error;
  if (!place || !std::filesystem::is_regular_file(place->path, error)) return std::nullopt;
  return place->path;
}

Datasets open(const config::RunConfig& config) {
  const auto packed = packed_file(config);
  Datasets datasets =
      packed ? open_packed_images(PackedFile(*packed, config::name_of(config.data))) : open_originals(config);
  if (config.data == config::Data::kTinyImageNet) datasets = resized(config, std::move(datasets));
  check_image_size(config, *datasets.train);
  return datasets;
}

std::optional<Normalisation> normalisation_instead(const config::RunConfig& config) {
  if (config.normalisation == config::NormalisationKind::kOwn) return std::nullopt;
  // Of ImageNet's training images: https://docs.pytorch.org/vision/stable/models.html
  return Normalisation{.pixel_max = 255.0, .mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}};
}

}  // namespace trainyard::data
