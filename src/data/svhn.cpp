#include "data/svhn.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "data/mat_file.h"

namespace trainyard::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSide = 32;
constexpr std::size_t kPlane = kSide * kSide;
constexpr std::size_t kPixels = 3 * kPlane;
constexpr int kSvhnClasses = 10;

DatasetInfo info() {
  return {.name = "svhn",
          .classes = kSvhnClasses,
          .class_names = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
          .shape = {.channels = 3, .height = kSide, .width = kSide},
          // Of the 73,257 training images, as is customary; tests/data/svhn_test.cpp compares a hundredth of them.
          .normalisation = {.pixel_max = 255.0, .mean = {0.4377, 0.4438, 0.4728}, .std = {0.1980, 0.2010, 0.1970}},
          .augmentation = {.crop_padding = 4, .mirrors = false}};
}

/// MATLAB stores columns where images are stored by rows.
void transpose(const std::uint8_t* columns, std::uint8_t* rows) {
  for (std::size_t x = 0; x < kSide; ++x) {
    for (std::size_t y = 0; y < kSide; ++y)
      rows[y * kSide + x] = columns[x * kSide + y];
  }
}

}  // namespace

SvhnFiles find_svhn(const fs::path& folder, const std::string& source) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw core::UsageError(
        fmt::format("{}: {} is no folder; set data-dir to the one that holds train_32x32.mat and test_32x32.mat, or to "
                    "a packed file",
                    source, folder.string()));
  }
  for (const fs::path& candidate : {folder, folder / "svhn"}) {
    SvhnFiles files{.train = candidate / "train_32x32.mat", .validation = candidate / "test_32x32.mat"};
    const bool has_train = fs::exists(files.train, error);
    const bool has_validation = fs::exists(files.validation, error);
    if (has_train && has_validation) return files;
    if (has_train || has_validation) {
      throw core::UsageError(fmt::format("{}: {} is missing beside {}; svhn needs both", source,
                                         (has_train ? files.validation : files.train).string(),
                                         has_train ? "train_32x32.mat" : "test_32x32.mat"));
    }
  }
  throw core::UsageError(fmt::format(
      "{}: no SVHN files (train_32x32.mat and test_32x32.mat) in {} or its svhn; set data-dir to their folder", source,
      folder.string()));
}

Svhn::Svhn(const fs::path& file) : ImageDataset(info()) {
  const MatFile mat(file);
  const MatArray pixels = mat.read_bytes("X");
  if (pixels.extents.size() != 4 || pixels.extents[0] != kSide || pixels.extents[1] != kSide ||
      pixels.extents[2] != 3 || pixels.values.empty()) {
    throw core::Error(fmt::format("{}: X is [{}], not [32, 32, 3, N]: it is no SVHN file of cropped digits",
                                  file.string(), fmt::join(pixels.extents, ", ")));
  }
  labels_ = mat.read_bytes("y").values;
  const std::size_t images = pixels.values.size() / kPixels;
  if (labels_.size() != images) {
    throw core::Error(fmt::format("{}: {} images have {} labels", file.string(), images, labels_.size()));
  }
  for (std::size_t i = 0; i < images; ++i) {
    if (labels_[i] < 1 || labels_[i] > kSvhnClasses) {
      throw core::Error(fmt::format("{}: image {} has label {}, SVHN has 1 to 10", file.string(), i, labels_[i]));
    }
    labels_[i] = static_cast<std::uint8_t>(labels_[i] % kSvhnClasses);
  }
  pixels_.resize(pixels.values.size());
  for (std::size_t start = 0; start < pixels_.size(); start += kPlane)
    transpose(pixels.values.data() + start, pixels_.data() + start);
}

std::span<const std::uint8_t> Svhn::pixels(std::int64_t index, std::span<std::uint8_t> /*scratch*/) const {
  return std::span(pixels_).subspan(static_cast<std::size_t>(index) * kPixels, kPixels);
}

}  // namespace trainyard::data
