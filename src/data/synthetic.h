#pragma once

#include <vector>

#include "data/dataset.h"

namespace trainyard::data {

struct SyntheticOptions {
  std::int64_t image_size = 32;  ///< pixels of a side
  std::int64_t first = 0;        ///< index, in the endless sequence of the seed, of the data set's sample 0
  std::int64_t samples = 0;
  std::uint64_t seed = 0;
};

/// Colour images that are a pure function of (seed, index) and never stored, for runs without data. Each of the 10
/// classes has a smooth pattern of its own, which every image of the class shows under noise of the same strength: a
/// model that learns sees its loss fall, and two data sets of one seed share their classes.
class Synthetic final : public ImageDataset {
 public:
  explicit Synthetic(const SyntheticOptions& options);

  std::int64_t size() const override { return options_.samples; }
  std::int64_t label(std::int64_t index) const override;
  std::span<const std::uint8_t> pixels(std::int64_t index, std::span<std::uint8_t> scratch) const override;

 private:
  Synthetic(const SyntheticOptions& options, std::vector<std::uint8_t> patterns);

  SyntheticOptions options_;
  std::vector<std::uint8_t> patterns_;  ///< [classes][channels][height][width], each in [0, 127]
};

}  // namespace trainyard::data
