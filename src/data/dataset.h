#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/augment.h"

namespace trainyard::data {

/// The size of one image. Pixels are planar: [channels][height][width].
struct ImageShape {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;

  std::int64_t pixels() const { return channels * height * width; }
  bool operator==(const ImageShape&) const = default;
};

/// How a pixel becomes a float: (pixel / pixel_max - mean[channel]) / std[channel].
struct Normalisation {
  double pixel_max = 255.0;
  std::vector<double> mean;  ///< per channel, in units of pixel_max
  std::vector<double> std;   ///< per channel, in units of pixel_max
};

/// What is the same for every sample of a data set.
struct DatasetInfo {
  std::string name;  ///< the value of the `data` key
  std::int64_t classes = 0;
  std::vector<std::string> class_names = {};  ///< by label; empty where classes have none
  ImageShape shape = {};
  Normalisation normalisation = {};
  AugmentationRules augmentation = {};
};

/// Labelled 8-bit images by index. Immutable once made, so every call is safe from any thread; none allocates, but what
/// a thread needs to decode and keeps.
class Dataset {
 public:
  virtual ~Dataset() = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;

  const std::string& name() const { return info_.name; }
  std::int64_t classes() const { return info_.classes; }
  const std::vector<std::string>& class_names() const { return info_.class_names; }
  const ImageShape& shape() const { return info_.shape; }
  const Normalisation& normalisation() const { return info_.normalisation; }
  const AugmentationRules& augmentation() const { return info_.augmentation; }

  virtual std::int64_t size() const = 0;
  /// In [0, classes()), for index in [0, size()).
  virtual std::int64_t label(std::int64_t index) const = 0;
  /// The sample's shape().pixels() bytes, planar: a view of the data set's own memory where it stores images, else of
  /// `scratch` (at least shape().pixels() bytes, the caller's), into which they are then written.
  /// @throws core::Error naming the file where each sample has its own and this one is damaged.
  virtual std::span<const std::uint8_t> pixels(std::int64_t index, std::span<std::uint8_t> scratch) const = 0;

 protected:
  explicit Dataset(DatasetInfo info) : info_(std::move(info)) {}

 private:
  DatasetInfo info_;
};

}  // namespace trainyard::data
