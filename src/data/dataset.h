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

/// Labelled samples by index. Immutable once made, so every call is safe from any thread.
class Dataset {
 public:
  virtual ~Dataset() = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;

  /// The value of the `data` key.
  const std::string& name() const { return name_; }
  std::int64_t classes() const { return classes_; }
  virtual std::int64_t size() const = 0;
  /// In [0, classes()), for index in [0, size()).
  virtual std::int64_t label(std::int64_t index) const = 0;

 protected:
  Dataset(std::string name, std::int64_t classes) : name_(std::move(name)), classes_(classes) {}

 private:
  std::string name_;
  std::int64_t classes_;
};

/// What is the same for every sample of a set of images.
struct DatasetInfo {
  std::string name;  ///< the value of the `data` key
  std::int64_t classes = 0;
  std::vector<std::string> class_names = {};  ///< by label; empty where classes have none
  ImageShape shape = {};
  Normalisation normalisation = {};
  AugmentationRules augmentation = {};
};

/// Labelled 8-bit images. No call allocates, but what a thread needs to decode and keeps.
class ImageDataset : public Dataset {
 public:
  const std::vector<std::string>& class_names() const { return info_.class_names; }
  const ImageShape& shape() const { return info_.shape; }
  const Normalisation& normalisation() const { return info_.normalisation; }
  const AugmentationRules& augmentation() const { return info_.augmentation; }

  /// The sample's shape().pixels() bytes, planar: a view of the data set's own memory where it stores images, else of
  /// `scratch` (at least shape().pixels() bytes, the caller's), into which they are then written.
  /// @throws core::Error naming the file where each sample has its own and this one is damaged.
  virtual std::span<const std::uint8_t> pixels(std::int64_t index, std::span<std::uint8_t> scratch) const = 0;

 protected:
  explicit ImageDataset(DatasetInfo info) : Dataset(info.name, info.classes), info_(std::move(info)) {}

 private:
  DatasetInfo info_;
};

/// What is the same for every sample of a set of token sequences.
struct TokenInfo {
  std::string name;  ///< the value of the `data` key
  std::int64_t classes = 0;
  std::int64_t vocabulary = 0;  ///< ids are below it
  std::int64_t padding = 0;     ///< the id that fills sequences up
  std::int64_t max_length = 0;  ///< the most tokens of a sequence
};

/// Labelled token sequences, special tokens included. No call allocates.
class TokenDataset : public Dataset {
 public:
  const TokenInfo& info() const { return info_; }

  /// Tokens of the sample, from 1 to max_length.
  virtual std::int64_t length(std::int64_t index) const = 0;
  /// Writes the sample's length(index) ids.
  virtual void write_tokens(std::int64_t index, std::int64_t* out) const = 0;

 protected:
  explicit TokenDataset(TokenInfo info) : Dataset(info.name, info.classes), info_(std::move(info)) {}

 private:
  TokenInfo info_;
};

}  // namespace trainyard::data
